#pragma once
// Causal softmax attention out of register tiles (kernels/tiles.h). Keys and values are packed once for a (row, kv
// head) and serve all query heads of its group. Forward, a strip of queries at a time: whole rows of scores in f32,
// softmax, O = P V. Backward, a block of queries at a time, with keys in the rows of the tiles (S^T = K Q^T), so that
// P^T and dS^T are operands as they are computed and only dS^T is packed, for dQ. Probabilities and their gradients
// are rounded to T; all sums are f32. What a query cannot see is not computed, but for the rest of a tile.
//
// The work of a call is cut into parts, one a thread. A row's results do not depend on the cut, except that a kv head
// shared by several parts gets the sum of their dK and dV, added in the order of the parts.

#include <cstdint>
#include <span>

#include "kernels/isa.h"

namespace vernier {

struct AttentionShape {
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
  std::span<const std::int32_t> row_starts;  // [rows + 1]; a row attends to itself
  float scale = 0;                           // of the scores, above 0; usually 1 / sqrt(head_dim)
  float softcap = 0;                         // scores become softcap * tanh(score / softcap); 0: they stay
  std::int64_t window = 0;                   // a query sees this many keys, its own position the last; 0: all before
  std::int64_t past = 0;                     // keys of each row before that of its first query
  std::int64_t kv_stride = 0;                // elements from kv head to kv head; 0: as many as its keys take
};

// N tokens in rows end to end; D head_dim, A heads * D. A row of T queries and past + T keys begins at element
// start * heads * D of q as [heads, T, D], and (without past) at start * kv_heads * D of k and v as [kv_heads, T, D].
template <typename T>
struct AttentionInputs {
  const T *q = nullptr, *k = nullptr, *v = nullptr;
};
template <typename T>
struct AttentionOutput {
  T* out = nullptr;              // [N, A]
  float* log_sum_exp = nullptr;  // [heads, N] of the scores; may be nullptr in the forward pass
};
// d_q, d_k, d_v in the layout of q, k, v.
template <typename T>
struct AttentionGradients {
  const T* d_out = nullptr;  // [N, A]
  float *d_q = nullptr, *d_k = nullptr, *d_v = nullptr;
};

// Working memory of each part, 64-byte aligned.
template <typename T>
std::int64_t attention_scratch_bytes(const AttentionShape& shape);
template <typename T>
std::int64_t attention_backward_scratch_bytes(const AttentionShape& shape);

// Part `part` of `parts`. T: float or std::uint16_t (bf16; with Isa::kAvx512 only if bf16_supported()).
template <typename T>
void attention_part(Isa isa, const AttentionShape& shape, const AttentionInputs<T>& inputs,
                    const AttentionOutput<T>& output, int part, int parts, void* scratch);

// `output` is the forward pass's. Precondition: no past.
template <typename T>
void attention_backward_part(Isa isa, const AttentionShape& shape, const AttentionInputs<T>& inputs,
                             const AttentionOutput<T>& output, const AttentionGradients<T>& gradients, int part,
                             int parts, void* scratch);

// When all parts of the backward pass are done: adds what part `part`, whose scratch is as that left it, has for a kv
// head that an earlier part began; of keys [slice of slices). Calls for one slice go in the order of the parts.
template <typename T>
void attention_add_shared(Isa isa, const AttentionShape& shape, const AttentionGradients<T>& gradients, int part,
                          int parts, const void* scratch, int slice, int slices);

// ---- One new token: a row with one query, over the cache as it lies. Parts take ranges of keys.

// As many parts as are worth a thread.
int attention_token_parts(const AttentionShape& shape, int threads);
// For all parts together, 64-byte aligned.
std::int64_t attention_token_scratch_bytes(const AttentionShape& shape, int parts);
template <typename T>
void attention_token_part(Isa isa, const AttentionShape& shape, const AttentionInputs<T>& inputs, int part, int parts,
                          void* scratch);
// When all parts are done: out [A].
template <typename T>
void attention_token_join(Isa isa, const AttentionShape& shape, int parts, const void* scratch, T* out);

}  // namespace vernier
