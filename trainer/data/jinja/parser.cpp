#include "data/jinja/parser.h"

#include <algorithm>

#include "base/text.h"
#include "data/jinja/parser_base.h"

namespace vernier::jinja {
namespace {

class Parser : private ExpressionParser {
 public:
  explicit Parser(std::vector<Token> tokens) : ExpressionParser(std::move(tokens)) {}

  Parsed run() {
    Parsed parsed;
    parsed.body = statements({});
    if (!unknown_.empty()) throw unknown_.front();
    parsed.has_generation = has_generation_;
    return parsed;
  }

 private:
  using Ends = std::vector<std::string_view>;

  static std::unique_ptr<Stmt> make_stmt(StmtKind kind, int line) {
    auto stmt = std::make_unique<Stmt>();
    stmt->kind = kind;
    stmt->line = line;
    return stmt;
  }

  // Statements up to a tag in `ends`, at whose name the cursor then stands; to the end of the template when empty.
  Body statements(const Ends& ends) {
    Body body;
    for (;;) {
      const int line = current().line;
      switch (current().kind) {
        case TokenKind::kData:
          body.push_back(make_stmt(StmtKind::kData, line));
          body.back()->text = take().text;
          break;
        case TokenKind::kVariableBegin:
          take();
          body.push_back(make_stmt(StmtKind::kOutput, line));
          body.back()->expr = tuple(true);
          if (current().kind != TokenKind::kVariableEnd) refuse("expected '}}', got " + describe(current()));
          take();
          break;
        case TokenKind::kBlockBegin:
          take();
          if (std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return is_name(end); })) return body;
          body.push_back(statement());
          block_end();
          break;
        default:
          if (ends.empty()) return body;
          refuse(str("the template ends where {% ", ends.back(), " %} is missing"));
      }
    }
  }

  void block_end() {
    if (current().kind != TokenKind::kBlockEnd) refuse("expected '%}', got " + describe(current()));
    take();
  }

  // The body of a block: behind its opening tag, up to one of `ends`.
  Body block(const Ends& ends) {
    skip_operator(":");
    block_end();
    const Nested nested(nesting_, current().line);
    return statements(ends);
  }

  // The same where only one tag can end it, which is taken.
  Body whole_block(std::string_view end) {
    Body body = block({end});
    take();
    return body;
  }

  std::unique_ptr<Stmt> statement() {
    using Read = std::unique_ptr<Stmt> (Parser::*)(int);
    static constexpr std::pair<std::string_view, Read> kTags[] = {
        {"if", &Parser::if_block},        {"for", &Parser::for_block},        {"set", &Parser::set},
        {"macro", &Parser::macro},        {"call", &Parser::call_block},      {"filter", &Parser::filter_block},
        {"with", &Parser::with},          {"print", &Parser::print},          {"generation", &Parser::generation},
        {"break", &Parser::loop_control}, {"continue", &Parser::loop_control}};
    if (current().kind != TokenKind::kName) refuse("expected the name of a tag, got " + describe(current()));
    const int line = current().line;
    for (const auto& [tag, read] : kTags) {
      if (is_name(tag)) return (this->*read)(line);
    }
    for (const std::string_view tag : {"block", "extends", "include", "import", "from", "autoescape"}) {
      if (is_name(tag)) refuse(str("the tag '", tag, "' is not supported in a chat template"));
    }
    refuse("unknown tag '" + current().text + "'");
  }

  // Inside loops, macros and other scopes an unknown filter is an error at once again.
  template <typename Read>
  auto hard(Read read) {
    const int soft = std::exchange(soft_, 0);
    auto result = read();
    soft_ = soft;
    return result;
  }

  std::unique_ptr<Stmt> if_block(int line) {
    auto stmt = make_stmt(StmtKind::kIf, line);
    ++soft_;
    do {
      take();
      ExprPtr test = tuple(false);
      stmt->branches.emplace_back(std::move(test), block({"elif", "else", "endif"}));
    } while (is_name("elif"));
    if (take().text == "else") stmt->otherwise = whole_block("endif");
    --soft_;
    return stmt;
  }

  std::unique_ptr<Stmt> for_block(int line) {
    auto stmt = make_stmt(StmtKind::kFor, line);
    take();
    stmt->target = target("in", false);
    if (!skip_name("in")) refuse("expected 'in', got " + describe(current()));
    stmt->expr = tuple(false, "recursive");
    return hard([&] {
      if (skip_name("if")) stmt->test = expression();
      stmt->recursive = skip_name("recursive");
      ++loops_;
      stmt->body = block({"endfor", "else"});
      --loops_;
      if (take().text == "else") stmt->otherwise = whole_block("endfor");
      return std::move(stmt);
    });
  }

  std::unique_ptr<Stmt> loop_control(int line) {
    const std::string tag = take().text;
    if (loops_ == 0) refuse("'" + tag + "' outside of a loop");
    return make_stmt(tag == "break" ? StmtKind::kBreak : StmtKind::kContinue, line);
  }

  std::unique_ptr<Stmt> set(int line) {
    auto stmt = make_stmt(StmtKind::kSet, line);
    take();
    stmt->target = target({}, true);
    if (skip_operator("=")) {
      stmt->expr = tuple(true);
      return stmt;
    }
    stmt->kind = StmtKind::kSetBlock;
    stmt->expr = filters(nullptr);
    stmt->body = inner_block("endset");
    return stmt;
  }

  std::unique_ptr<Stmt> filter_block(int line) {
    auto stmt = make_stmt(StmtKind::kFilterBlock, line);
    take();
    stmt->expr = filters(nullptr, true);
    stmt->body = inner_block("endfilter");
    return stmt;
  }

  std::unique_ptr<Stmt> with(int line) {
    auto stmt = make_stmt(StmtKind::kWith, line);
    take();
    while (current().kind != TokenKind::kBlockEnd) {
      if (!stmt->assignments.empty()) expect_operator(",");
      Target to = target({}, false);
      expect_operator("=");
      stmt->assignments.emplace_back(std::move(to), expression());
    }
    stmt->body = inner_block("endwith");
    return stmt;
  }

  std::unique_ptr<Stmt> print(int line) {
    auto stmt = make_stmt(StmtKind::kOutput, line);
    take();
    std::vector<ExprPtr> parts;
    while (current().kind != TokenKind::kBlockEnd) {
      if (!parts.empty()) expect_operator(",");
      parts.push_back(expression());
    }
    stmt->expr = make(ExprKind::kConcat, line, std::move(parts));
    return stmt;
  }

  // A scope of its own that loop controls still reach out of.
  Body inner_block(std::string_view end) {
    return hard([&] { return whole_block(end); });
  }

  // The body of a function: it may not leave a loop around it.
  Body function_block(std::string_view end, Stmt& stmt) {
    const int loops = std::exchange(loops_, 0);
    open_macros_.emplace_back();
    Body body = inner_block(end);
    const Reads reads = open_macros_.back();
    open_macros_.pop_back();
    loops_ = loops;
    stmt.uses_varargs = reads.varargs;
    stmt.uses_kwargs = reads.kwargs;
    stmt.uses_caller = reads.caller;
    return body;
  }

  std::unique_ptr<Stmt> generation(int line) {
    auto stmt = make_stmt(StmtKind::kGeneration, line);
    take();
    has_generation_ = true;
    stmt->body = function_block("endgeneration", *stmt);
    return stmt;
  }

  std::unique_ptr<Stmt> macro(int line) {
    auto stmt = make_stmt(StmtKind::kMacro, line);
    take();
    stmt->text = assignable_name();
    stmt->parameters = signature();
    stmt->body = function_block("endmacro", *stmt);
    return stmt;
  }

  std::unique_ptr<Stmt> call_block(int line) {
    auto stmt = make_stmt(StmtKind::kCallBlock, line);
    take();
    if (is_operator("(")) stmt->parameters = signature();
    stmt->expr = expression();
    if (stmt->expr->kind != ExprKind::kCall) refuse("expected a call");
    stmt->body = function_block("endcall", *stmt);
    return stmt;
  }

  std::vector<Parameter> signature() {
    std::vector<Parameter> parameters;
    expect_operator("(");
    while (!is_operator(")")) {
      if (!parameters.empty()) expect_operator(",");
      const bool optional = !parameters.empty() && parameters.back().otherwise;
      Parameter parameter{assignable_name(), nullptr};
      if (skip_operator("=")) {
        parameter.otherwise = expression();
      } else if (optional) {
        refuse("a parameter without default behind one with");
      }
      parameters.push_back(std::move(parameter));
    }
    take();
    return parameters;
  }

  std::string assignable_name() {
    const std::string name = expect_name();
    for (const char* constant : {"true", "false", "none", "True", "False", "None"}) {
      if (name == constant) refuse("cannot assign to '" + name + "'");
    }
    return name;
  }

  // name, name.attribute (where allowed), (a, b), or a, b up to `stop`, "=" or the end of the tag.
  Target target(std::string_view stop, bool namespaces) {
    Target whole;
    whole.unpacks = true;
    bool comma = false;
    const auto ends = [&] {
      return is_operator(")") || is_operator("=") || current().kind == TokenKind::kBlockEnd ||
             (!stop.empty() && is_name(stop));
    };
    while (!ends()) {
      whole.parts.push_back(single_target(namespaces));
      if (!skip_operator(",")) break;
      comma = true;
    }
    if (whole.parts.empty()) refuse("expected a name to assign to, got " + describe(current()));
    return comma ? std::move(whole) : std::move(whole.parts[0]);
  }

  Target single_target(bool namespaces) {
    const Nested nested(nesting_, current().line);
    if (skip_operator("(")) {
      Target inner = target({}, namespaces);
      expect_operator(")");
      return inner;
    }
    Target single;
    single.name = assignable_name();
    if (namespaces && skip_operator(".")) single.attribute = expect_name();
    return single;
  }

  bool has_generation_ = false;
  int loops_ = 0;
};

}  // namespace

Parsed parse(std::string_view source) {
  return Parser(tokenize(source)).run();
}

}  // namespace vernier::jinja
