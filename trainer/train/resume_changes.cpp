#include "train/resume_changes.h"

#include <map>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "io/file_records.h"
#include "train/checkpoint.h"
#include "train/resume_rules.h"

namespace vernier {

namespace {

// A setting, or an option as YAML writes it.
std::string shown(const Json& value) {
  if (!value.is_string()) return value.is_null() ? "not set" : value.dump();
  const auto text = value.get<std::string>();
  return text.empty() ? "not set" : text;
}

std::string was_and_is(const std::string& key, const Json& before, const Json& now) {
  return str(key, " was ", shown(before), " and is ", shown(now));
}

// Every key that one of the two has, with its values there; null where one has it not.
template <typename Seen>
void walk_differences(const Json& before, const Json& now, const Seen& seen) {
  for (const auto& [key, value] : now.items())
    if (const Json old = before.contains(key) ? before[key] : Json(); old != value) seen(key, old, value);
  for (const auto& [key, value] : before.items())
    if (!now.contains(key) && !value.is_null()) seen(key, value, Json());
}

constexpr const char *kMicro = "micro_batch_size", *kAccumulation = "gradient_accumulation_steps";

// The two keys make up a step's rows together: what to set the other to, so that a step keeps its rows.
std::string told_rows(const Json& before, const Json& now) {
  std::vector<std::string> changes;
  for (const char* key : {kMicro, kAccumulation})
    if (before.at(key) != now.at(key)) changes.push_back(was_and_is(key, before.at(key), now.at(key)));
  const bool micro_changed = before.at(kMicro) != now.at(kMicro);
  const char *set = micro_changed ? kMicro : kAccumulation, *other = micro_changed ? kAccumulation : kMicro;
  const auto rows = before.at("rows_per_step").get<std::int64_t>(), is = now.at(set).get<std::int64_t>();
  const std::string way = rows % is != 0 ? ""
                                         : str(" (", other, ": ", rows / is, " keeps them, with --allow-change ",
                                               kMicro, ",", kAccumulation, ")");
  return str(join(changes, " and "), ", and so a step has ",
             count_of(now.at("rows_per_step").get<std::int64_t>(), "row"), " instead of ", rows, way);
}

class Comparison {
 public:
  Comparison(const Json& saved, const RunIdentity& now, const std::set<std::string>& allowed)
      : saved_(saved), now_(now), allowed_(allowed) {
    walk_differences(saved.at("options"), now.options,
                     [&](const std::string& key, const Json& before, const Json& after) {
                       // An older checkpoint does not tell what a key was that it has not.
                       if (!before.is_null()) options_[key] = was_and_is(key, before, after);
                     });
  }

  void compare_base() {
    if (saved_.at("base_sha256") != now_.base)
      changed("base_model", "the base model changed: other bytes in its files");
    if (saved_.at("tokenizer_sha256") != now_.tokenizer) changed("tokenizer", "the tokenizer changed");
  }

  void compare_rows() {
    const auto told = [&](const char* rows, const char* record, const Json& now) {
      const Json before = saved_.value(record, Json());
      const std::vector<std::string> files = file_changes(before, now);
      return str("the ", rows, " data changed",
                 !files.empty()                       ? str(" (", join(files, ", "), ")")
                 : before.is_array() && before == now ? " (not its files: what makes rows of them did)"
                                                      : "");
    };
    rows_changed_ = saved_.at("data_sha256") != now_.data;
    if (rows_changed_) changed("data", told("training", "data_files", now_.data_files));
    // Where the training rows are others, so are the evaluation rows that the same keys and files give.
    const bool its_own = options_.count("test_datasets") > 0 ||
                         saved_.value("evaluation_files", now_.evaluation_files) != now_.evaluation_files;
    if (saved_.at("evaluation_sha256") != now_.evaluation && (its_own || !rows_changed_))
      changed("evaluation", told("evaluation", "evaluation_files", now_.evaluation_files));
  }

  void compare_settings() {
    const Json& before = saved_.at("settings");
    const bool other_steps = before.value("rows_per_step", Json()) != now_.settings.value("rows_per_step", Json());
    if (other_steps) changed("rows_per_step", told_rows(before, now_.settings));
    walk_differences(before, now_.settings, [&](const std::string& key, const Json& old, const Json& now) {
      if (other_steps && (key == "rows_per_step" || key == kMicro || key == kAccumulation)) return;
      if (key != "total_steps") return changed(key, was_and_is(key, old, now));
      // Fewer rows, or more of them in a step, make fewer steps too.
      const bool follows = other_steps || rows_changed_;
      if (follows && options_.count("max_steps") == 0 && options_.count("num_epochs") == 0) return;
      changed(key, "the number of steps changed", str(" (", shown(old), " steps before, ", shown(now), " now)"));
    });
  }

  void settle(const std::string& where, std::vector<std::string>& notes) const {
    if (!refused_.empty())
      throw Error(ErrorKind::kInput, str("this is not the run that the checkpoint belongs to: ", join(refused_, "; ")),
                  where,
                  "undo the change; or keep what is trained so far in a new run: lora_model_dir: DIR with another "
                  "output_dir");
    if (!allowed_notes_.empty()) notes.push_back(str("going on with changes: ", join(allowed_notes_, "; ")));
    note_others(notes);
  }

 private:
  // By the rules of `setting`: told by the keys that were set otherwise, or as `otherwise` where none was.
  void changed(const std::string& setting, const std::string& otherwise, const std::string& detail = "") {
    const std::vector<ResumeRule> rules = rules_of_setting(setting);
    const ResumeRule* rule = &rules.front();
    std::vector<std::string> keys;
    for (const ResumeRule& one : rules) {
      const auto option = options_.find(one.key);
      if (option == options_.end()) continue;
      if (keys.empty()) rule = &one;
      keys.push_back(option->second);
      told_.insert(one.key);
    }
    const std::string what = (keys.empty() ? otherwise : join(keys, " and ")) + detail;
    if (rule->fixed_because != nullptr) {
      refused_.push_back(str(what, ", which cannot change: ", rule->fixed_because));
    } else if (allowed_.count(setting) == 0) {
      refused_.push_back(str(what, ": --allow-change ", rule->key, " goes on with it"));
    } else {
      allowed_notes_.push_back(what);
    }
  }

  void note_others(std::vector<std::string>& notes) const {
    std::vector<std::string> others;
    for (const auto& [key, text] : options_)
      if (told_.count(key) == 0) others.push_back(text);
    if (!others.empty())
      notes.push_back(str("changed since the checkpoint, in nothing that shapes the numbers: ", join(others, "; ")));
    if (const auto device = saved_.at("device").get<std::string>(); device != now_.device)
      notes.push_back(str("the checkpoint was written on \"", device, "\", this is \"", now_.device,
                          "\": the last bits may differ"));
    if (saved_.at("binary_sha256").get<std::string>() != now_.binary)
      notes.push_back("the checkpoint was written by another build of this program: the last bits may differ");
  }

  const Json& saved_;
  const RunIdentity& now_;
  const std::set<std::string>& allowed_;
  std::map<std::string, std::string> options_;  // that changed: "save_steps was 5 and is 7"
  std::set<std::string> told_;
  std::vector<std::string> refused_, allowed_notes_;
  bool rows_changed_ = false;
};

}  // namespace

void compare_runs(const Json& saved, const RunIdentity& now, const std::set<std::string>& allowed,
                  const std::string& where, std::vector<std::string>& notes) {
  Comparison comparison(saved, now, allowed);
  comparison.compare_base();
  comparison.compare_rows();
  comparison.compare_settings();
  comparison.settle(where, notes);
}

}  // namespace vernier
