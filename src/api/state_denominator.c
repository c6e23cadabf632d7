/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rows.h"
#include "api/score.h"
#include "exact.h"
#include "labels.h"
#include "registry.h"

/* Labels are good here. */
static void add_weights(const request *r, vloss_labels labels, size_t rows, int64_t ignored,
                        const void *weights, vloss_exact_sum *sum) {
  for (size_t i = 0; i < rows; i++) {
    int64_t label = label_at(labels, i);
    if (label != ignored) exact_add(sum, request_number(r, weights, (size_t)label, 1));
  }
  if (rows) exact_carry(sum);
}

static void check_loss(score_request *s, const vloss_loss *loss, vloss_dtype dtype) {
  if (!loss) vloss_score_fail(s, VLOSS_ERROR_NULL, "loss");
  if (loss && !(loss->arrays & VLOSS_ARRAY_LABELS))
    vloss_score_fail(s, VLOSS_ERROR_PARAMETER, "loss");
  if ((int)dtype != VLOSS_F32 && (int)dtype != VLOSS_F64)
    vloss_score_fail(s, VLOSS_ERROR_ENUM, "dtype");
}

/* What the call reads and writes. */
static void note_arrays(score_request *s, const request *r, vloss_labels labels, size_t rows,
                        size_t classes, const void *weights, const vloss_exact_sum *sum,
                        const double *denominator) {
  if (!sum && !denominator) vloss_score_fail(s, VLOSS_ERROR_NULL, "denominator");
  if (!label_type_is_known(labels.type)) vloss_score_fail(s, VLOSS_ERROR_ENUM, "labels");
  vloss_score_input(s, "labels", labels.data, rows, label_width(labels.type));
  vloss_score_input_or_null(s, "class_weight", weights, rows ? classes : 0, request_width(r));
  vloss_score_output_or_null(s, "sum", sum, 1, sizeof *sum);
  vloss_score_output_or_null(s, "denominator", denominator, 1, sizeof *denominator);
}

/* The denominator; the request has the first fault. */
static double look_at_labels(score_request *s, request *r, vloss_labels labels, size_t rows,
                             size_t classes, const vloss_cross_entropy_options *o,
                             const void *weights) {
  double total = 0;
  if (rows) vloss_rows_check_class_weights(r, o->class_weight, classes);
  if (r->status == VLOSS_OK) total = vloss_rows_check_labels(r, labels, rows, classes, o, weights);
  if (r->status != VLOSS_OK) vloss_score_fail_at(s, r->status, r->argument, r->bad_label);
  s->ignored = r->ignored;
  s->counted = rows - r->ignored;
  return total;
}

vloss_status vloss_denominator(const vloss_loss *loss, vloss_dtype dtype, vloss_labels labels,
                               size_t rows, size_t classes, const vloss_cross_entropy_options *own,
                               vloss_report *report, vloss_exact_sum *sum, double *denominator) {
  vloss_cross_entropy_options o = VLOSS_CROSS_ENTROPY_OPTIONS_INIT;
  request r = {.dtype = dtype, .bad_label = SIZE_MAX};
  score_request s;
  vloss_score_open(&s, report, NULL);
  check_loss(&s, loss, dtype);
  if (own && !struct_is_known(own, STRUCT_SIZES(vloss_cross_entropy_options, gamma)))
    vloss_score_fail(&s, VLOSS_ERROR_STRUCT_SIZE, "cross_entropy");
  else if (own)
    memcpy(&o, own, own->struct_size);
  note_arrays(&s, &r, labels, rows, classes, o.class_weight, sum, denominator);
  if (!vloss_score_ready(&s)) return vloss_score_close(&s);

  const void *weights = mean_weights((enum loss_id)(loss - vloss_registry), o.class_weight);
  double total = look_at_labels(&s, &r, labels, rows, classes, &o, weights);
  if (s.status != VLOSS_OK) return vloss_score_close(&s);
  if (sum) add_weights(&r, labels, rows, o.ignore_index, weights, sum);
  if (denominator) *denominator = total;
  return vloss_score_close(&s);
}
