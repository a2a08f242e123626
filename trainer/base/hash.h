#pragma once
// SHA-256 for identity (what a file is), XXH3-64 for speed (whether its bytes are whole). Both as lower-case hex.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vernier {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  // 64 hex digits; the object must not be used after it.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);
std::uint64_t xxh3_64(std::string_view bytes);
// Its 16 hex digits.
std::string xxh3_hex(std::uint64_t hash);

// xxh3_64 of bytes that come in pieces.
class Xxh3 {
 public:
  Xxh3();
  ~Xxh3();
  Xxh3(Xxh3&&) noexcept;
  Xxh3& operator=(Xxh3&&) noexcept;

  void update(std::string_view bytes);
  // Of all bytes so far; more may follow.
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vernier
