#pragma once
// The local Hugging Face cache (huggingface_hub's layout): models--org--name/refs/REVISION holds a commit, whose files
// are links in models--org--name/snapshots/COMMIT. Nothing is downloaded.

#include <optional>
#include <string>

namespace vernier {

// "org/name" or "name" as the hub writes them.
bool is_hub_id(const std::string& name);

// $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub: the
// one place where the program asks the environment for a location, since that is where the downloads of other tools
// lie.
std::string hub_cache_directory();

// The snapshot's directory; nullopt when the cache has none for this id and revision (a branch, tag or commit; empty
// means "main"). Precondition: is_hub_id(id).
std::optional<std::string> find_in_hub_cache(const std::string& cache, const std::string& id,
                                             const std::string& revision);

}  // namespace vernier
