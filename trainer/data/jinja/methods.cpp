#include "data/jinja/methods.h"

#include <algorithm>
#include <map>
#include <set>

#include "data/jinja/format.h"
#include "data/jinja/objects.h"
#include "data/jinja/operations.h"
#include "data/jinja/unicode.h"

namespace vernier::jinja {
namespace {

using Method = Value (*)(Runtime&, const Value& self, Args&);
using Methods = std::map<std::string, Method, std::less<>>;

Value text_like(Runtime& runtime, const Value& self, std::string text) {
  return runtime.make_text(std::move(text), self.text().markup);
}

Value strip_method(Runtime& runtime, const Value& self, Args& args, bool left, bool right) {
  const Params params("strip", args, {"chars"}, 0);
  const std::string* chars = params.set(0) ? &params.text(0) : nullptr;
  return text_like(runtime, self, std::string(strip(self.bytes(), chars, left, right)));
}

// The words between runs of white space; at most `limit` cuts, counted from the end when `from_right`.
std::vector<std::string> split_space(std::string_view text, std::int64_t limit, bool from_right) {
  std::vector<std::string> words;
  text = strip(text, nullptr, !from_right, from_right);
  while (!text.empty()) {
    if (limit-- == 0) {
      words.emplace_back(text);
      break;
    }
    std::size_t at = from_right ? text.size() : 0;
    if (from_right) {
      while (at > 0) {
        std::size_t start = at - 1;
        while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) --start;
        std::size_t end = start;
        if (is_space(next_code_point(text, end))) break;
        at = start;
      }
      words.emplace_back(text.substr(at));
      text = strip(text.substr(0, at), nullptr, false, true);
    } else {
      for (std::size_t next = 0; at < text.size(); at = next) {
        next = at;
        if (is_space(next_code_point(text, next))) break;
      }
      words.emplace_back(text.substr(0, at));
      text = strip(text.substr(at), nullptr, true, false);
    }
  }
  if (from_right) std::reverse(words.begin(), words.end());
  return words;
}

std::vector<std::string> split_at(std::string_view text, std::string_view separator, std::int64_t limit,
                                  bool from_right) {
  std::vector<std::string> parts;
  while (limit-- != 0) {
    const std::size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    parts.emplace_back(from_right ? text.substr(at + separator.size()) : text.substr(0, at));
    text = from_right ? text.substr(0, at) : text.substr(at + separator.size());
  }
  parts.emplace_back(text);
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

Value split_method(Runtime& runtime, const Value& self, Args& args, bool from_right) {
  const Params params("split", args, {"sep", "maxsplit"}, 0);
  const std::int64_t limit = std::max<std::int64_t>(params.integer(1, -1), -1);
  if (params.set(0) && params.text(0).empty()) fail("ValueError", "empty separator");
  const std::vector<std::string> parts = params.set(0) ? split_at(self.bytes(), params.text(0), limit, from_right)
                                                       : split_space(self.bytes(), limit, from_right);
  runtime.charge_bytes(self.bytes().size());
  std::vector<Value> items;
  for (const std::string& part : parts) items.push_back(text_like(runtime, self, part));
  return make_list(std::move(items));
}

Value partition_method(Runtime& runtime, const Value& self, Args& args, bool from_right) {
  const Params params("partition", args, {"sep"}, 1);
  const std::string& separator = params.text(0);
  const std::string& text = self.bytes();
  if (separator.empty()) fail("ValueError", "empty separator");
  const std::size_t at = from_right ? text.rfind(separator) : text.find(separator);
  const auto part = [&](std::string piece) { return text_like(runtime, self, std::move(piece)); };
  if (at == std::string::npos)
    return from_right ? make_tuple({part(""), part(""), part(text)}) : make_tuple({part(text), part(""), part("")});
  return make_tuple({part(text.substr(0, at)), part(separator), part(text.substr(at + separator.size()))});
}

// The bytes of self[start:end], the offset of `start` in code points, and false when start lies behind the end.
struct Window {
  std::string text;
  std::int64_t start = 0;
  bool valid = true;
};
Window window_of(Runtime& runtime, const Value& self, const Params& params, std::size_t first) {
  const auto size = static_cast<std::int64_t>(self.text().length);
  const auto place = [&](std::size_t i, std::int64_t otherwise) {
    if (!params.set(i)) return otherwise;
    const std::int64_t at = params.integer(i, otherwise);
    return at < 0 ? std::max<std::int64_t>(at + size, 0) : at;
  };
  const std::int64_t start = place(first, 0);
  const std::int64_t end = std::min(place(first + 1, size), size);
  if (start > end) return {"", start, false};
  return {slice(runtime, self, Value(start), Value(end), Value()).bytes(), start, true};
}

Value affix_method(Runtime& runtime, const Value& self, Args& args, bool at_start) {
  const Params params(at_start ? "startswith" : "endswith", args, {"affix", "start", "end"}, 1);
  const Window window = window_of(runtime, self, params, 1);
  const auto has = [&](const Value& affix) {
    if (!affix.is_string()) fail("TypeError", "expected str or a tuple of str, not " + affix.type_name());
    return window.valid && (at_start ? starts_with(window.text, affix.bytes()) : ends_with(window.text, affix.bytes()));
  };
  if (params[0].kind() != Kind::kTuple) return has(params[0]);
  return std::any_of(params[0].items().begin(), params[0].items().end(), has);
}

Value find_method(Runtime& runtime, const Value& self, Args& args, bool from_right, bool must) {
  const Params params("find", args, {"sub", "start", "end"}, 1);
  const Window window = window_of(runtime, self, params, 1);
  const std::string& sub = params.text(0);
  const std::size_t at = !window.valid ? std::string::npos
                         : from_right  ? window.text.rfind(sub)
                                       : window.text.find(sub);
  if (at == std::string::npos && must) fail("ValueError", "substring not found");
  if (at == std::string::npos) return std::int64_t{-1};
  return window.start + static_cast<std::int64_t>(code_points(std::string_view(window.text).substr(0, at)));
}

Value count_method(Runtime& runtime, const Value& self, Args& args) {
  const Params params("count", args, {"sub", "start", "end"}, 1);
  const Window window = window_of(runtime, self, params, 1);
  const std::string& sub = params.text(0);
  if (!window.valid) return std::int64_t{0};
  if (sub.empty()) return Value::count(code_points(window.text) + 1);
  std::int64_t count = 0;
  for (std::size_t at = window.text.find(sub); at != std::string::npos; at = window.text.find(sub, at + sub.size()))
    ++count;
  return count;
}

Value replace_method(Runtime& runtime, const Value& self, Args& args) {
  const Params params("replace", args, {"old", "new", "count"}, 2);
  const bool escape = self.text().markup && params[1].is_string() && !params[1].text().markup;
  const std::string to = escape ? escape_html(params.text(1)) : params.text(1);
  return Value(replace_text(runtime, self.bytes(), params.text(0), to, params.integer(2, -1)), self.text().markup);
}

Value join_method(Runtime& runtime, const Value& self, Args& args) {
  const Params params("join", args, {"iterable"}, 1);
  std::string out;
  bool first = true;
  const Next next = iterate(runtime, params[0]);
  for (Value item; next(item); first = false) {
    if (!item.is_string()) fail("TypeError", "sequence item: expected str instance, " + item.type_name() + " found");
    const bool escape = self.text().markup && !item.text().markup;
    if (!first) out += self.bytes();
    out += escape ? escape_html(item.bytes()) : item.bytes();
    runtime.charge_bytes(item.bytes().size() + self.bytes().size());
  }
  return Value(std::move(out), self.text().markup);
}

Value format_method(Runtime& runtime, const Value& self, Args& args) {
  return text_like(runtime, self, brace_format(runtime, self.bytes(), args));
}

// str.isalpha and its kin: not empty, and every code point has the property.
template <bool (*Has)(char32_t)>
Value every(Runtime&, const Value& self, Args& args) {
  Params("is...", args, {}, 0);
  const std::u32string text = decode_utf8(self.bytes());
  return !text.empty() && std::all_of(text.begin(), text.end(), Has);
}

bool is_alnum(char32_t c) {
  return is_alpha(c) || is_digit(c) || (is_word(c) && c != '_');
}
bool is_decimal_digit(char32_t c) {
  int value = 0;
  return is_decimal(c, value);
}

template <std::string (*Change)(std::string_view)>
Value changed(Runtime& runtime, const Value& self, Args& args) {
  Params("str method", args, {}, 0);
  return text_like(runtime, self, Change(self.bytes()));
}

template <bool Upper>
Value has_case(Runtime&, const Value& self, Args& args) {
  Params("is...", args, {}, 0);
  bool any = false;
  for (const char32_t c : decode_utf8(self.bytes())) {
    const bool wanted = Upper ? is_upper(c) : is_lower(c);
    if (!wanted && is_cased(c)) return false;
    any = any || wanted;
  }
  return any;
}

template <bool Prefix>
Value without_affix(Runtime& runtime, const Value& self, Args& args) {
  const Params params("removeprefix", args, {"affix"}, 1);
  const std::string& text = self.bytes();
  const std::string& affix = params.text(0);
  if (!(Prefix ? starts_with(text, affix) : ends_with(text, affix))) return self;
  return text_like(runtime, self, text.substr(Prefix ? affix.size() : 0, text.size() - affix.size()));
}

// str.ljust (-1), rjust (1), center (0).
template <int Side>
Value justified(Runtime& runtime, const Value& self, Args& args) {
  const Params params("justify", args, {"width", "fillchar"}, 1);
  const std::string fill = params.given(1) ? params.text(1) : " ";
  if (code_points(fill) != 1) fail("TypeError", "The fill character must be exactly one character long");
  const std::int64_t width = params.integer(0, 0);
  const auto size = static_cast<std::int64_t>(self.text().length);
  if (width <= size) return self;
  const std::int64_t room = width - size;
  const std::int64_t left = Side < 0 ? 0 : Side > 0 ? room : room / 2 + (room & width & 1);
  const auto pad = [&](std::int64_t times) { return arithmetic(runtime, Operator::kMul, Value(fill), Value(times)); };
  return text_like(runtime, self, pad(left).bytes() + self.bytes() + pad(room - left).bytes());
}

const Methods& text_methods() {
  static const Methods methods = {
      {"upper", changed<to_upper>},
      {"lower", changed<to_lower>},
      {"title", changed<to_title>},
      {"capitalize", changed<capitalize>},
      {"strip", [](Runtime& rt, const Value& s, Args& a) { return strip_method(rt, s, a, true, true); }},
      {"lstrip", [](Runtime& rt, const Value& s, Args& a) { return strip_method(rt, s, a, true, false); }},
      {"rstrip", [](Runtime& rt, const Value& s, Args& a) { return strip_method(rt, s, a, false, true); }},
      {"split", [](Runtime& rt, const Value& s, Args& a) { return split_method(rt, s, a, false); }},
      {"rsplit", [](Runtime& rt, const Value& s, Args& a) { return split_method(rt, s, a, true); }},
      {"partition", [](Runtime& rt, const Value& s, Args& a) { return partition_method(rt, s, a, false); }},
      {"rpartition", [](Runtime& rt, const Value& s, Args& a) { return partition_method(rt, s, a, true); }},
      {"splitlines",
       [](Runtime& rt, const Value& s, Args& a) {
         return split_lines(rt, s.bytes(), s.text().markup, Params("splitlines", a, {"keepends"}, 0).flag(0));
       }},
      {"startswith", [](Runtime& rt, const Value& s, Args& a) { return affix_method(rt, s, a, true); }},
      {"endswith", [](Runtime& rt, const Value& s, Args& a) { return affix_method(rt, s, a, false); }},
      {"find", [](Runtime& rt, const Value& s, Args& a) { return find_method(rt, s, a, false, false); }},
      {"rfind", [](Runtime& rt, const Value& s, Args& a) { return find_method(rt, s, a, true, false); }},
      {"index", [](Runtime& rt, const Value& s, Args& a) { return find_method(rt, s, a, false, true); }},
      {"rindex", [](Runtime& rt, const Value& s, Args& a) { return find_method(rt, s, a, true, true); }},
      {"count", count_method},
      {"replace", replace_method},
      {"join", join_method},
      {"format", format_method},
      {"isalpha", every<is_alpha>},
      {"isdigit", every<is_digit>},
      {"isdecimal", every<is_decimal_digit>},
      {"isalnum", every<is_alnum>},
      {"isspace", every<is_space>},
      {"isupper", has_case<true>},
      {"islower", has_case<false>},
      {"removeprefix", without_affix<true>},
      {"removesuffix", without_affix<false>},
      {"ljust", justified<-1>},
      {"rjust", justified<1>},
      {"center", justified<0>},
  };
  return methods;
}

Value view_of(const Value& self, Args& args, DictView::Part part) {
  Params("dict view", args, {}, 0);
  return Value(std::make_shared<DictView>(self.dict_pointer(), part));
}

const Methods& dict_methods() {
  static const Methods methods = {
      {"items", [](Runtime&, const Value& s, Args& a) { return view_of(s, a, DictView::Part::kItems); }},
      {"keys", [](Runtime&, const Value& s, Args& a) { return view_of(s, a, DictView::Part::kKeys); }},
      {"values", [](Runtime&, const Value& s, Args& a) { return view_of(s, a, DictView::Part::kValues); }},
      {"copy", [](Runtime&, const Value& s, Args&) { return s; }},
      {"get",
       [](Runtime&, const Value& s, Args& args) {
         if (!args.named.empty()) fail("TypeError", "dict.get() takes no keyword arguments");
         const Params params("get", args, {"key", "default"}, 1);
         const Value* found = s.dict().find(params[0]);
         return found != nullptr ? *found : params.given(1) ? params[1] : Value();
       }},
  };
  return methods;
}

const Methods& sequence_methods() {
  static const Methods methods = {
      {"copy", [](Runtime&, const Value& s, Args&) { return s; }},
      {"count",
       [](Runtime& rt, const Value& s, Args& args) {
         const Params params("count", args, {"value"}, 1);
         rt.charge(s.weight());
         return Value(static_cast<std::int64_t>(std::count_if(
             s.items().begin(), s.items().end(), [&](const Value& item) { return equal(item, params[0]); })));
       }},
      {"index",
       [](Runtime& rt, const Value& s, Args& args) {
         const Params params("index", args, {"value", "start", "stop"}, 1);
         rt.charge(s.weight());
         const Value part = slice(rt, s, Value(params.integer(1, 0)), params.set(2) ? params[2] : Value(), Value());
         for (std::size_t i = 0; i < part.items().size(); ++i) {
           if (!equal(part.items()[i], params[0])) continue;
           return Value::count(s.items().size() -
                               slice(rt, s, Value(params.integer(1, 0)), Value(), Value()).items().size() + i);
         }
         fail("ValueError", "the value is not in the list");
       }},
  };
  return methods;
}

using Names = std::set<std::string, std::less<>>;
const Names kListMutators = {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};
const Names kDictMutators = {"clear", "pop", "popitem", "setdefault", "update"};
const Names kOtherTextMethods = {"casefold",     "encode",    "expandtabs", "format_map", "isascii",
                                 "isidentifier", "isnumeric", "istitle",    "maketrans",  "isprintable",
                                 "swapcase",     "translate", "zfill"};
const Names kNumberAttributes = {"as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
                                 "from_bytes",       "fromhex",   "hex",        "imag",      "is_integer",
                                 "numerator",        "real",      "to_bytes"};

}  // namespace

bool is_mutating(const Value& self, const std::string& name) {
  return (self.kind() == Kind::kList && kListMutators.count(name) != 0) ||
         (self.is_dict() && kDictMutators.count(name) != 0);
}

std::optional<Value> method_of(const Value& self, const std::string& name) {
  const Methods* methods = self.is_string()     ? &text_methods()
                           : self.is_dict()     ? &dict_methods()
                           : self.is_sequence() ? &sequence_methods()
                                                : nullptr;
  if (methods != nullptr && !(name == "copy" && self.kind() == Kind::kTuple)) {
    const auto found = methods->find(name);
    if (found != methods->end()) {
      return make_function(
          name, [self, body = found->second](Runtime& runtime, Args& args) { return body(runtime, self, args); },
          self.depth() + 1);
    }
  }
  const std::string what = self.type_name() + "." + name + " is not supported";
  if (self.is_number() && kNumberAttributes.count(name) != 0) fail("NotImplementedError", what);
  if (!(self.is_string() && kOtherTextMethods.count(name) != 0) && !is_mutating(self, name)) return std::nullopt;
  return make_function(name, [what](Runtime&, Args&) -> Value { fail("NotImplementedError", what); });
}

Value split_lines(Runtime& runtime, const std::string& text, bool markup, bool keep_ends) {
  std::vector<Value> lines;
  std::size_t start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = at;
    const char32_t c = next_code_point(text, at);
    const bool breaks = (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
    if (!breaks) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(runtime.make_text(text.substr(start, (keep_ends ? at : end) - start), markup));
    start = at;
  }
  if (start < text.size()) lines.push_back(runtime.make_text(text.substr(start), markup));
  return make_list(std::move(lines));
}

std::string replace_text(Runtime& runtime, const std::string& text, const std::string& from, const std::string& to,
                         std::int64_t count) {
  std::string out;
  std::size_t start = 0;
  for (std::size_t at = 0; count != 0; --count) {
    if (from.empty()) {
      // An empty text is found before every code point and at the end.
      runtime.charge_bytes(to.size());
      out += to;
      if (start == text.size()) return out;
      at = start;
      next_code_point(text, at);
      out += text.substr(start, at - start);
      start = at;
      continue;
    }
    at = text.find(from, start);
    if (at == std::string::npos) break;
    runtime.charge_bytes(at - start + to.size());
    out.append(text, start, at - start);
    out += to;
    start = at + from.size();
  }
  runtime.charge_bytes(text.size() - start);
  out.append(text, start);
  return out;
}

}  // namespace vernier::jinja
