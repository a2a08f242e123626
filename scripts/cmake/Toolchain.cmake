# Language, warnings, sanitizers and ccache: the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(vernier_options INTERFACE)
target_include_directories(vernier_options INTERFACE ${CMAKE_SOURCE_DIR}/trainer)
# -Wrestrict of GCC 12 is wrong about std::string (GCC bug 105651).
# No contraction: a*b+c keeps its two roundings, so that every ISA gives the same bits.
target_compile_options(vernier_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-restrict
                                                 -Werror -ffp-contract=off)
target_compile_definitions(vernier_options INTERFACE VERNIER_VERSION="${PROJECT_VERSION}")
if(VERNIER_SANITIZE)
  # -Wmaybe-uninitialized is wrong about std::regex under sanitizers.
  target_compile_options(vernier_options INTERFACE -fsanitize=${VERNIER_SANITIZE} -fno-sanitize-recover=all
                                                   -fno-omit-frame-pointer -Wno-maybe-uninitialized)
  target_link_options(vernier_options INTERFACE -fsanitize=${VERNIER_SANITIZE})
  target_compile_definitions(vernier_options INTERFACE VERNIER_SANITIZED)
endif()
