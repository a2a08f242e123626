# vernier_tests(NAME ROOM): tests/NAME/*_test.cpp is the program test_NAME, which tests ROOM; every gtest case is a CTest
# case named NAME.Suite.Case.
include(GoogleTest)
add_library(vernier_test_support INTERFACE)
target_include_directories(vernier_test_support INTERFACE ${CMAKE_SOURCE_DIR}/tests)
target_compile_definitions(vernier_test_support INTERFACE VERNIER_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_link_libraries(vernier_test_support INTERFACE GTest::gtest GTest::gmock)

# Threads that wait by spinning would fight over the CPUs with the tests beside them.
set(test_environment "OMP_WAIT_POLICY=passive")

function(vernier_tests name room)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  target_compile_options(test_${name} PRIVATE -O1)  # quicker to build; what they test is optimized
  target_link_libraries(test_${name} PRIVATE vernier_${room} vernier_options vernier_test_support GTest::gtest_main)
  gtest_discover_tests(test_${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT 300 ENVIRONMENT "${test_environment}")
endfunction()

if(VERNIER_SANITIZE STREQUAL thread)
  vernier_tests(io io)
else()
  foreach(room base kernels io config spec data)
    vernier_tests(${room} ${room})
  endforeach()
endif()
vernier_tests(threads kernels)  # what the kernels do on several threads at once

# The room cuda runs on a simulated runtime; where CUDA is on, the same work runs on a device too.
if(TARGET vernier_cuda)
  vernier_tests(cuda cuda)
  target_sources(test_cuda PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/simulated_cuda.cpp)
endif()
if(VERNIER_CUDA)
  add_library(vernier_cuda_device INTERFACE)
  target_link_libraries(vernier_cuda_device INTERFACE vernier_cuda vernier_cudart)
  vernier_tests(cuda_device cuda_device)
endif()
if(NOT VERNIER_TORCH_FREE)
  foreach(room tensor model optim train infer export commands)
    vernier_tests(${room} ${room})
  endforeach()
endif()

find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB checks CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/scripts/check_*.py)
foreach(check ${checks})
  get_filename_component(check_name ${check} NAME_WE)
  add_test(NAME tree.${check_name} COMMAND ${Python3_EXECUTABLE} ${check} --source ${CMAKE_SOURCE_DIR}
                                           --build ${CMAKE_BINARY_DIR})
endforeach()

# tests/run/test_*.py: the program end to end, on the tiny models of tests/golden.
if(NOT VERNIER_TORCH_FREE)
  file(GLOB runs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/run/test_*.py)
  foreach(run ${runs})
    get_filename_component(run_name ${run} NAME_WE)
    add_test(NAME run.${run_name} COMMAND ${Python3_EXECUTABLE} -m unittest -v ${run_name}
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/run)
    set_tests_properties(run.${run_name} PROPERTIES ENVIRONMENT "VERNIER_BINARY=$<TARGET_FILE:vernier>;${test_environment}" TIMEOUT 900)
  endforeach()
endif()
