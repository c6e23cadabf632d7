// SPDX-License-Identifier: Apache-2.0
#include "gbench_shim.h"

#include <benchmark/benchmark.h>

#include <cstdio>

namespace {

size_t failures = 0;
bool show_progress = false;

// Runs of one case follow each other while the number of iterations is sought: name it once.
void report_progress(const shim_case *c) {
  static const shim_case *last = nullptr;
  if (show_progress && c != last) std::fprintf(stderr, "run %s\n", c->name);
  last = c;
}

void time_case(benchmark::State &state, const shim_case *c) {
  report_progress(c);
  if (c->prepare(c->context) != 0) {
    ++failures;
    state.SkipWithError("prepare failed");
    return;
  }
  int status = 0;
  for (auto _ : state) {
    status |= c->run(c->context);
    benchmark::ClobberMemory();
  }
  if (status != 0) {
    ++failures;
    state.SkipWithError("run failed");
    return;
  }
  const auto runs = static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(c->items * runs));
  state.SetBytesProcessed(static_cast<int64_t>(c->bytes * runs));
  state.SetLabel(c->unit);
  state.counters["items"] = c->items;
  state.counters["bytes"] = c->bytes;
}

} // namespace

int shim_initialize(int *argc, char **argv) {
  benchmark::Initialize(argc, argv);
  return !benchmark::ReportUnrecognizedArguments(*argc, argv);
}

void shim_context(const char *key, const char *value) { benchmark::AddCustomContext(key, value); }

void shim_register(const shim_case *c) {
  benchmark::RegisterBenchmark(c->name, [c](benchmark::State &state) { time_case(state, c); });
}

size_t shim_run(int progress) {
  show_progress = progress != 0;
  if (benchmark::RunSpecifiedBenchmarks() == 0) ++failures;
  benchmark::Shutdown();
  return failures;
}
