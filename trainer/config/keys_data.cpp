#include "config/dataset_entry.h"
#include "config/key_sections.h"
#include "config/key_types.h"

namespace vernier {

using namespace key_types;

namespace {

template <typename Access>
Key datasets_key(Head head, Access access) {
  const std::string name = head.name;
  Key key = make_key(
      std::move(head), "a list of entries",
      [=](const YamlNode& node, Config& config, Report& report) {
        access(config) = read_dataset_entries(name, node, report);
      },
      [=](const Config& config) { return write_dataset_entries(access(config)); });
  key.takes_yaml = true;
  return key;
}

// Below 1 a share of the rows, from 1 on their number.
Key val_set_size_key() {
  Key key = make_key(
      {"val_set_size",
       {{"val_size", "LLaMA-Factory"}},
       "Rows split off for evaluation: below 1 a share of them, from 1 on their number. Not with test_datasets."},
      "0, a share below 1, or a whole number of rows",
      [](const YamlNode& node, Config& config, Report& report) {
        const auto value = node.is_scalar() ? parse_number(node.text) : std::nullopt;
        const bool whole = value && *value == std::floor(*value);
        if (!value || *value < 0 || *value > static_cast<double>(kMostCount) || (*value >= 1 && !whole)) {
          refuse_value("val_set_size", node, "0, a share below 1, or a whole number of rows", report);
        } else {
          config.data.val_set_size = *value;
        }
      },
      [](const Config& config) { return number_text(config.data.val_set_size); });
  return key;
}

// Templates of other projects are text of theirs, and not what the model was trained with.
Key chat_template_key() {
  const std::string name = "chat_template";
  const std::string values = "tokenizer_default, chatml, or a path to a .jinja file";
  return make_key(
      {name,
       {},
       "How conversations become text: by the model's own template, by ChatML's, or by the Jinja template in a file."},
      values,
      [=](const YamlNode& node, Config& config, Report& report) {
        const std::string text = node.is_scalar() ? node.text : "";
        if (text == "tokenizer_default" || text == "chatml" || ends_with(text, ".jinja") || ends_with(text, ".j2")) {
          config.data.chat_template = text;
        } else if (text == "jinja") {
          report.problem("chat_template: \"jinja\" is Axolotl's word for a template in chat_template_jinja", node.place,
                         "write the template to a file and give its path: chat_template: template.jinja");
        } else {
          refuse_value(name, node, values, report,
                       "the model's own template is used when this line is removed; any other is given as a file");
        }
      },
      [](const Config& config) { return yaml_text(config.data.chat_template); });
}

}  // namespace

std::vector<Key> data_keys() {
  return {
      datasets_key(
          {"datasets", {}, "The training data; the keys of an entry are below.", "required"},
          [](auto& c) -> auto& { return c.data.datasets; }),
      datasets_key(
          {"test_datasets", {}, "Data to evaluate on, in the same form. Not with val_set_size.", "none"},
          [](auto& c) -> auto& { return c.data.test_datasets; }),
      val_set_size_key(),
      chat_template_key(),
      bool_key(
          {"train_on_inputs",
           {{"train_on_prompt", "LLaMA-Factory"}},
           "Train on prompts too, not only on what the assistant says."},
          [](auto& c) -> auto& { return c.data.train_on_inputs; }),
      fixed_key({"roles_to_train", {}, "Whose turns of a conversation are trained on."}, {"assistant"}, "[assistant]",
                "only the assistant's turns can be trained on (train_on_inputs: true trains on all)"),
      fixed_key({"train_on_eos", {}, "Which end-of-turn tokens are trained on: the one of every trained turn."},
                {"turn"}, "turn", "only the end of each trained turn is built"),
      integer_key(
          {"sequence_len",
           {{"cutoff_len", "LLaMA-Factory"}, {"max_length", "TRL"}, {"max_seq_length", "TRL, Unsloth"}},
           "The most tokens a row may have; above the model's positions, those are the limit.",
           "the longest row, at most what the model allows"},
          [](auto& c) -> auto& { return c.data.sequence_len; }, {1, kMostCount}, true),
      word_key<>(
          {"excess_length_strategy",
           {},
           "A row with more than sequence_len tokens stops the run, is left out, or loses its end; data_report.jsonl "
           "lists the rows."},
          [](auto& c) -> auto& { return c.data.excess_length; },
          std::vector<Word<ExcessLength>>{
              {"raise", ExcessLength::kRaise}, {"drop", ExcessLength::kDrop}, {"truncate", ExcessLength::kTruncate}}),
      word_key<>(
          {"on_empty_targets",
           {},
           "A row without any target token keeps its place in its batch, is left out, or stops the run.",
           "default: keep for tokenized rows, raise for all others"},
          [](auto& c) -> auto& { return c.data.on_empty_targets; },
          std::vector<Word<OnEmptyTargets>>{{"default", OnEmptyTargets::kDefault},
                                            {"keep", OnEmptyTargets::kKeep},
                                            {"drop", OnEmptyTargets::kDrop},
                                            {"raise", OnEmptyTargets::kRaise}}),
  };
}

std::vector<Key> batch_keys() {
  return {
      integer_key({"micro_batch_size",
                   {{"per_device_train_batch_size", "LLaMA-Factory, TRL"}},
                   "Rows of one forward and backward pass."},
                  [](auto& c) -> auto& { return c.batch.micro_batch_size; }, {1, 65536}),
      integer_key(
          {"gradient_accumulation_steps",
           {},
           "Forward and backward passes of one optimizer step; the loss is the mean over all its target tokens, "
           "however they are spread."},
          [](auto& c) -> auto& { return c.batch.gradient_accumulation_steps; }, {1, 65536}),
      bool_key(
          {"shuffle", {}, "A new order of the rows in every epoch, from the seed; false: the files' order."},
          [](auto& c) -> auto& { return c.batch.shuffle; }),
      fixed_key({"sample_packing",
                 {{"packing", "LLaMA-Factory, TRL, Unsloth"}},
                 "Several rows in one sequence. There is no padding here that packing would save."},
                {"false"}, "false", "sample packing is not built yet, and batches have no padding without it"),
  };
}

}  // namespace vernier
