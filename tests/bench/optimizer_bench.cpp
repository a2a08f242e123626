// The update rules of the optimizers (kernels/optimizer.h), and an AdamW of 1 GiB of states of which a quarter lies in
// memory, beside what the disk does with pages of the same size.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/text.h"
#include "bench/bench_support.h"
#include "io/file_pages.h"
#include "kernels/optimizer.h"

namespace vernier {

namespace {

constexpr std::int64_t kParameters = 1 << 20, kPieceElements = 4096, kMiB = 1 << 20;
constexpr UpdateStep kStep{1e-4, 0.9, 0.999, 1e-8, 0.01, 1.0f, 10};

void add(Isa isa, const char* name, UpdateRule rule) {
  const std::int64_t bytes = 12 * kParameters + 2 * state_bytes(rule, kParameters);
  add_loop(str("optimizer/", isa_name(isa), "/", name), isa, bytes, [=]() -> Work {
    const auto p = std::make_shared<Values<float>>(kParameters), g = std::make_shared<Values<float>>(kParameters);
    const auto state =
        std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(state_bytes(rule, kParameters)));
    return [=, &kernels = optimizer_kernels(isa)] {
      update_piece(kernels, kStep, {rule, 0, kParameters, 0}, g->data(), p->data(), state->data());
    };
  });
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// What the store asks of the disk, without the store: one thread reads all pages of a file in order while another
// writes them. Seconds for both.
double raw_seconds(const PageFile& file, std::int64_t pages, std::int64_t page_bytes) {
  const PageMemory to_read(page_bytes), to_write(page_bytes);
  const auto walk_file = [&](const auto& access) {
    for (std::int64_t page = 0; page < pages; ++page) access(page * page_bytes);
  };
  const auto bytes = static_cast<std::size_t>(page_bytes);
  return seconds_of([&] {
    std::thread writer([&] { walk_file([&](std::int64_t at) { file.write(at, {to_write.data(), bytes}); }); });
    walk_file([&](std::int64_t at) { file.read(at, {to_read.data(), bytes}); });
    writer.join();
  });
}

// One step of AdamW over all pages; each is a piece of states with its parameters.
void walk(PageStore& store, std::int64_t pages, std::int64_t page_bytes, Values<float>& p, const Values<float>& g) {
  const OptimizerKernels& kernels = optimizer_kernels(choose_isa("auto"));
  const std::int64_t elements = page_bytes / 8;
  for (std::int64_t page = 0; page < pages; ++page) {
    std::byte* const states = store.acquire(page);
    for (std::int64_t first = 0; first < elements; first += kPieceElements)
      update_piece(kernels, kStep, {UpdateRule::kAdamwTorch, first, kPieceElements, 8 * first}, g.data(), p.data(),
                   states);
    store.release(page, true);
  }
}

// Steps in turn with the disk alone, which reads and writes as many pages before each as the step moves.
void paged(benchmark::State& state) {
  constexpr std::int64_t kPageBytes = kMiB, kPages = 1024, kResident = kPages / 4, kStreamed = kPages - kResident;
  const std::string directory = std::filesystem::current_path().string();
  Values<float> p(kPageBytes / 8), g(kPageBytes / 8);
  FilePages store({kPages, kPageBytes, kResident}, directory);
  MemoryPages memory(kPages, kPageBytes);
  walk(store, kPages, kPageBytes, p, g);  // the first round reads nothing
  walk(memory, kPages, kPageBytes, p, g);
  const PageFile file(directory, kStreamed * kPageBytes);
  raw_seconds(file, kStreamed, kPageBytes);  // nor does the first here: what was never written is not on the disk
  double seconds = 0, in_memory = 0, raw = 0;
  std::int64_t rounds = 0;
  for (auto _ : state) {
    raw += raw_seconds(file, kStreamed, kPageBytes);
    const double took = seconds_of([&] { walk(store, kPages, kPageBytes, p, g); });
    in_memory += seconds_of([&] { walk(memory, kPages, kPageBytes, p, g); });
    state.SetIterationTime(took);
    seconds += took;
    ++rounds;
  }
  const double moved = 2.0 * static_cast<double>(kStreamed * kPageBytes * rounds);
  const double states = 2.0 * static_cast<double>(kPages * kPageBytes * rounds);
  state.counters["disk GB/s"] = moved / raw / 1e9;
  state.counters["moved GB/s"] = moved / seconds / 1e9;
  state.counters["states read and written GB/s"] = states / seconds / 1e9;
  state.counters["share of disk"] = raw / seconds;
  state.counters["in memory GB/s"] = states / in_memory / 1e9;
}

}  // namespace

void register_optimizers() {
  for (const Isa isa : isas()) {
    add(isa, "adamw_torch", UpdateRule::kAdamwTorch);
    add(isa, "adamw_8bit", UpdateRule::kAdamw8bit);
    add(isa, "lion_32bit", UpdateRule::kLion32bit);
    add(isa, "lion_8bit", UpdateRule::kLion8bit);
  }
  benchmark::RegisterBenchmark("optimizer/paged_1GiB_quarter_in_memory", paged)
      ->UseManualTime()
      ->Iterations(3)
      ->Unit(benchmark::kMillisecond);
}

}  // namespace vernier
