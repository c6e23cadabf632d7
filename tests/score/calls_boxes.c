/* SPDX-License-Identifier: Apache-2.0 */
#include "calls.h"

static vloss_similarity_options similarity(const scene *s) {
  vloss_similarity_options o = VLOSS_SIMILARITY_OPTIONS_INIT;
  o.struct_size = SCENE_SIZE(s, o);
  o.kind = (vloss_similarity_kind)(s->variant % 6);
  o.format = (vloss_box_format)(s->variant % 3);
  o.crowd = o.kind == VLOSS_SIMILARITY_IOU ? s->crowd : NULL;
  o.executor = s->executor;
  return o;
}

static vloss_status matrix_f32(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_matrix_f32(s->f32.boxes, s->n, s->f32.others, s->m, &o, s->f32.out);
}

static vloss_status matrix_f64(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_matrix_f64(s->f64.boxes, s->n, s->f64.others, s->m, &o, s->f64.out);
}

static vloss_status matrix_i32(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_matrix_i32(s->i32.boxes, s->n, s->i32.others, s->m, &o, s->f64.out);
}

static vloss_status paired_f32(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_paired_f32(s->f32.boxes, s->f32.others, s->m, &o, s->f32.out);
}

static vloss_status paired_f64(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_paired_f64(s->f64.boxes, s->f64.others, s->m, &o, s->f64.out);
}

static vloss_status paired_i32(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_paired_i32(s->i32.boxes, s->i32.others, s->m, &o, s->f64.out);
}

static vloss_status best_f32(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_best_f32(s->f32.boxes, s->n, s->f32.others, s->m, &o, s->f32.out,
                                   s->index[0]);
}

static vloss_status best_f64(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_best_f64(s->f64.boxes, s->n, s->f64.others, s->m, &o, s->f64.out,
                                   s->index[0]);
}

static vloss_status best_i32(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_best_i32(s->i32.boxes, s->n, s->i32.others, s->m, &o, s->f64.out,
                                   s->index[0]);
}

static vloss_status top_k_f32(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_top_k_f32(s->f32.boxes, s->n, s->f32.others, s->m, 4, &o, s->f32.out,
                                    s->index[0]);
}

static vloss_status top_k_f64(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_top_k_f64(s->f64.boxes, s->n, s->f64.others, s->m, 4, &o, s->f64.out,
                                    s->index[0]);
}

static vloss_status top_k_i32(scene *s) {
  vloss_similarity_options o = similarity(s);
  return vloss_similarity_top_k_i32(s->i32.boxes, s->n, s->i32.others, s->m, 4, &o, s->f64.out,
                                    s->index[0]);
}

static vloss_status pairs_f32(scene *s) {
  vloss_similarity_options o = similarity(s);
  size_t count;
  return vloss_similarity_pairs_f32(s->f32.boxes, s->n, s->f32.others, s->m, 0.25, &o, s->n * s->m,
                                    s->pairs, &count);
}

static vloss_status pairs_f64(scene *s) {
  vloss_similarity_options o = similarity(s);
  size_t count;
  return vloss_similarity_pairs_f64(s->f64.boxes, s->n, s->f64.others, s->m, 0.25, &o, s->n * s->m,
                                    s->pairs, &count);
}

static vloss_status pairs_i32(scene *s) {
  vloss_similarity_options o = similarity(s);
  size_t count;
  return vloss_similarity_pairs_i32(s->i32.boxes, s->n, s->i32.others, s->m, 0.25, &o, s->n * s->m,
                                    s->pairs, &count);
}

static vloss_select_options selection(const scene *s) {
  vloss_select_options o = VLOSS_SELECT_OPTIONS_INIT;
  o.struct_size = SCENE_SIZE(s, o);
  o.layout = (vloss_score_layout)(s->variant % 2);
  o.multi_label = s->variant / 2 % 2;
  o.top_k = s->variant < 4 ? 0 : s->n / 2;
  return o;
}

static vloss_status select_f32(scene *s) {
  vloss_select_options o = selection(s);
  size_t count, classes = s->n < SCENE_CLASSES ? 1 : 3;
  return vloss_select_f32(s->f32.scores, s->n, classes, 0.5, &o, s->n * classes, s->index[0],
                          s->index[1], s->f32.out, &count);
}

static vloss_status select_f64(scene *s) {
  vloss_select_options o = selection(s);
  size_t count, classes = s->n < SCENE_CLASSES ? 1 : 3;
  return vloss_select_f64(s->f64.scores, s->n, classes, 0.5, &o, s->n * classes, s->index[0],
                          s->index[1], s->f64.out, &count);
}

static vloss_nms_options suppression(const scene *s, void *kept_scores) {
  vloss_nms_options o = VLOSS_NMS_OPTIONS_INIT;
  o.struct_size = SCENE_SIZE(s, o);
  o.method = (vloss_nms_method)(s->variant % 6);
  o.kept_scores = kept_scores;
  o.executor = s->executor;
  return o;
}

static vloss_labels classes_of(const scene *s) {
  const vloss_labels labels = {s->variant < 3 ? s->classes : NULL, VLOSS_LABEL_INT64};
  return labels;
}

static vloss_status nms_f32(scene *s) {
  vloss_nms_options o = suppression(s, s->f32.out);
  size_t count, size = vloss_nms_workspace(s->n, &o);
  return vloss_nms_f32(s->f32.boxes, s->f32.scores, classes_of(s), s->n, 0.5, &o, s->workspace,
                       size, s->n, s->index[0], &count);
}

static vloss_status nms_f64(scene *s) {
  vloss_nms_options o = suppression(s, s->f64.out);
  size_t count, size = vloss_nms_workspace(s->n, &o);
  return vloss_nms_f64(s->f64.boxes, s->f64.scores, classes_of(s), s->n, 0.5, &o, s->workspace,
                       size, s->n, s->index[0], &count);
}

static vloss_assign_options assignment(const scene *s) {
  vloss_assign_options o = VLOSS_ASSIGN_OPTIONS_INIT;
  o.struct_size = SCENE_SIZE(s, o);
  o.low_quality = (vloss_low_quality)(s->variant % 3);
  o.executor = s->executor;
  return o;
}

static vloss_status assign_f32(scene *s) {
  vloss_assign_options o = assignment(s);
  return vloss_assign_f32(s->f32.boxes, s->n, s->f32.others, s->m, &o, s->workspace,
                          vloss_assign_workspace(s->m), s->index[0], s->f32.out);
}

static vloss_status assign_f64(scene *s) {
  vloss_assign_options o = assignment(s);
  return vloss_assign_f64(s->f64.boxes, s->n, s->f64.others, s->m, &o, s->workspace,
                          vloss_assign_workspace(s->m), s->index[0], s->f64.out);
}

static vloss_fusion_options fusion(const scene *s) {
  vloss_fusion_options o = VLOSS_FUSION_OPTIONS_INIT;
  o.struct_size = SCENE_SIZE(s, o);
  o.overflow = s->variant % 2;
  return o;
}

static vloss_status fusion_f32(scene *s) {
  vloss_fusion_options o = fusion(s);
  size_t count;
  return vloss_fusion_f32(s->f32.boxes, s->f32.scores, classes_of(s), s->n, 0.55, &o, s->workspace,
                          vloss_fusion_workspace(s->n), s->n, s->f32.out, s->f32.out + 4 * s->n,
                          s->index[0], s->index[1], &count);
}

static vloss_status fusion_f64(scene *s) {
  vloss_fusion_options o = fusion(s);
  size_t count;
  return vloss_fusion_f64(s->f64.boxes, s->f64.scores, classes_of(s), s->n, 0.55, &o, s->workspace,
                          vloss_fusion_workspace(s->n), s->n, s->f64.out, s->f64.out + 4 * s->n,
                          s->index[0], s->index[1], &count);
}

const score_call calls_of_boxes[] = {{"similarity_matrix_f32", matrix_f32},
                                     {"similarity_matrix_f64", matrix_f64},
                                     {"similarity_matrix_i32", matrix_i32},
                                     {"similarity_paired_f32", paired_f32},
                                     {"similarity_paired_f64", paired_f64},
                                     {"similarity_paired_i32", paired_i32},
                                     {"similarity_best_f32", best_f32},
                                     {"similarity_best_f64", best_f64},
                                     {"similarity_best_i32", best_i32},
                                     {"similarity_top_k_f32", top_k_f32},
                                     {"similarity_top_k_f64", top_k_f64},
                                     {"similarity_top_k_i32", top_k_i32},
                                     {"similarity_pairs_f32", pairs_f32},
                                     {"similarity_pairs_f64", pairs_f64},
                                     {"similarity_pairs_i32", pairs_i32},
                                     {"select_f32", select_f32},
                                     {"select_f64", select_f64},
                                     {"nms_f32", nms_f32},
                                     {"nms_f64", nms_f64},
                                     {"assign_f32", assign_f32},
                                     {"assign_f64", assign_f64},
                                     {"fusion_f32", fusion_f32},
                                     {"fusion_f64", fusion_f64},
                                     {NULL, NULL}};
