#pragma once
// The texts of single values: what a key of a given type accepts, and how it is written back so that reading gives the
// same value.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vernier {

// true, false, yes, no, on, off in any case.
std::optional<bool> parse_bool(std::string_view text);

// A finite decimal number: 1e-4, 2E-4, .5. Nothing for NaN, infinities, hexadecimal, underscores (YAML 1.1 reads over
// them, YAML 1.2 does not), or what a double cannot hold.
std::optional<double> parse_number(std::string_view text);

// A whole number, also as 1e3 or 3.0 (then below 2^53).
std::optional<std::int64_t> parse_integer(std::string_view text);

// Bytes: a number with a unit (B, kB, MB, GB, TB of 1000; KiB, MiB, GiB, TiB of 1024; in any case); nullopt otherwise.
std::optional<std::int64_t> parse_bytes(std::string_view text);

// Seconds: numbers with units, the larger unit first (2h, 90s, 1h30m, 1.5h; d, h, m, s in any case); nullopt otherwise.
std::optional<double> parse_duration(std::string_view text);

// The shortest text that parse_number() reads back as exactly this value.
std::string number_text(double value);

// A string as a YAML scalar: plain where no reader could take it for something else, else in double quotes.
std::string yaml_text(std::string_view text);

std::string lower_case(std::string_view text);

}  // namespace vernier
