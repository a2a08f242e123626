#pragma once
// What to tell a user whose run does not fit into memory: settings that do, each of them computed.

#include <cstdint>
#include <string>

#include "commands/run_inputs.h"
#include "tensor/device.h"

namespace vernier {

// "micro_batch_size: 2, or sequence_len: 256 with excess_length_strategy: truncate fits": every single change that
// brings the predicted peak under `budget_bytes`, the smallest of its kind; where none does, all of them together; and
// what is needed at least where that does not either. Precondition: the run itself does not fit.
std::string settings_that_fit(const RunInputs& inputs, const Device& device, std::int64_t budget_bytes);

}  // namespace vernier
