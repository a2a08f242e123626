// Rows of ids to a file of logits, and the places where a result cannot be written.

#include "infer/logits_file.h"

#include "infer/output_path.h"
#include "infer_fixture.h"

namespace vernier::testing {
namespace {

at::Tensor logits_of(TinyModel& tiny, const std::vector<TokenId>& ids) {
  Rows rows;
  rows.add(ids.data(), ids.data(), static_cast<std::int64_t>(ids.size()));
  return all_logits(tiny.model, tiny.device, rows.batch(), tiny.arena);
}

// More than ten rows: logits.10 comes before logits.2 in the file.
TEST(LogitsFile, EveryRowIsUnderItsNumber) {
  TinyModel tiny("llama");
  const Folder folder;
  std::string lines;
  for (int row = 0; row < 12; ++row) {
    lines += "{\"input_ids\": [" + std::to_string(row);
    for (int t = 0; t < row; ++t) lines += ", " + std::to_string((row * 37 + t * 11) % 256);
    lines += "], \"id\": \"x\"}\n";
  }
  const std::vector<IdRow> rows = read_id_rows(folder.write("ids.jsonl", lines));
  EXPECT_EQ(longest_row_tokens(rows), 12);
  check_id_rows(tiny.model.spec, rows);
  write_logits(folder.path("out.safetensors"), tiny.model, tiny.device, tiny.arena, rows, silent());

  const SafetensorsFile file(folder.path("out.safetensors"));
  ASSERT_EQ(file.tensors().size(), 12u);
  for (std::size_t row = 0; row < 12; ++row) {
    const at::Tensor written = tensor(file, "logits." + std::to_string(row));
    const at::Tensor expected = logits_of(tiny, rows[row].ids);
    ASSERT_EQ(written.sizes(), expected.sizes());
    EXPECT_TRUE(written.equal(expected)) << row;
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path("out.safetensors.tmp")));
}

TEST(LogitsFile, AgreesWithTransformers) {
  TinyModel tiny("qwen3");
  const SafetensorsFile golden_file(golden("arch/qwen3/golden.safetensors"));
  const at::Tensor ids = tensor(golden_file, "input_ids")[0];
  const auto* data = static_cast<const std::int32_t*>(ids.data_ptr());
  const Folder folder;
  write_logits(folder.path("out.safetensors"), tiny.model, tiny.device, tiny.arena,
               {{std::vector<TokenId>(data, data + ids.numel()), "golden"}}, silent());
  EXPECT_LT(max_difference(tensor(SafetensorsFile(folder.path("out.safetensors")), "logits.0"),
                           tensor(golden_file, "logits_base_seq0")),
            1e-4);
}

TEST(LogitsFile, BadRowsAreNamedAllAtOnce) {
  const Folder folder;
  const std::string path = folder.write("ids.jsonl",
                                        "{\"input_ids\": [1, 2]}\n"
                                        "{\"input_ids\": []}\n"
                                        "{\"input_ids\": [1, -2]}\n"
                                        "{\"input_ids\": [1.0]}\n"
                                        "{\"input_ids\": [4294967296]}\n"
                                        "{\"input_ids\": \"1\"}\n"
                                        "{\"ids\": [1]}\n"
                                        "{\"input_ids\": [1\n");
  const std::string message = error_of([&] { read_id_rows(path); }).message();
  EXPECT_EQ(message.find("ids.jsonl:1:"), std::string::npos) << message;
  for (int line = 2; line <= 8; ++line)
    EXPECT_NE(message.find("ids.jsonl:" + std::to_string(line)), std::string::npos) << message;
  EXPECT_EQ(error_of([&] { read_id_rows(folder.write("empty.jsonl", "")); }).kind(), ErrorKind::kInput);
}

TEST(LogitsFile, RowsThatTheModelCannotReadAreNamed) {
  TinyModel tiny("llama");
  const std::vector<IdRow> rows = {{{0, 255}, "f:1"},
                                   {{3, 256, 257}, "f:2"},
                                   {std::vector<TokenId>(65, 1), "f:3"},
                                   {std::vector<TokenId>(64, 1), "f:4"}};
  const std::string message = error_of([&] { check_id_rows(tiny.model.spec, rows); }).message();
  EXPECT_EQ(message.find("f:1"), std::string::npos) << message;
  EXPECT_NE(message.find("f:2: input_ids[1] is 256"), std::string::npos) << message;
  EXPECT_NE(message.find("f:3: the row has 65 tokens"), std::string::npos) << message;
  EXPECT_EQ(message.find("f:4"), std::string::npos) << message;
}

TEST(OutputPath, PlacesThatCannotBeWritten) {
  const Folder folder;
  const std::string input = folder.write("in.jsonl", "{}");
  check_output_path(folder.path("out.jsonl"), {input});
  check_output_path(folder.write("old.jsonl", "x"), {input});
  std::filesystem::create_symlink(input, folder.path("link.jsonl"));
  for (const std::string& path : {std::string(), folder.path(""), input, folder.path("link.jsonl"),
                                  folder.path("none/out.jsonl"), folder.path("in.jsonl/out.jsonl")})
    EXPECT_EQ(error_of([&] { check_output_path(path, {input}); }).kind(), ErrorKind::kInput) << path;
}

}  // namespace
}  // namespace vernier::testing
