# tests/bench/*.cpp is the program bench_kernels: speeds of single kernels beside the peak of this CPU, of pages beside the disk.
find_package(benchmark REQUIRED)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/bench/*.cpp)
add_executable(bench_kernels ${sources})
target_include_directories(bench_kernels PRIVATE ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(bench_kernels PRIVATE vernier_io vernier_kernels vernier_options benchmark::benchmark)
