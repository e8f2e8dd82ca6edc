# A room is one folder under src/gatefold and one static library gatefold_<room>, exported as gatefold::<room>.
# DEPENDS lists the only rooms it may include; tests/layering.py checks the #include lines against it.
# Every .cpp of the folder belongs to the room; every *_test.cpp belongs to the room's test, named unit.<room>.
function(gatefold_add_room name)
  cmake_parse_arguments(arg "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  file(GLOB headers CONFIGURE_DEPENDS *.h)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  add_library(gatefold_${name} STATIC ${sources})
  add_library(gatefold::${name} ALIAS gatefold_${name})
  set_target_properties(gatefold_${name} PROPERTIES EXPORT_NAME ${name} LINKER_LANGUAGE CXX)
  target_compile_features(gatefold_${name} PUBLIC cxx_std_20)
  target_sources(gatefold_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${headers})
  foreach(room IN LISTS arg_DEPENDS)
    target_link_libraries(gatefold_${name} PUBLIC gatefold::${room})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY GATEFOLD_ROOMS gatefold_${name})

  if(GATEFOLD_TESTS AND tests)
    add_executable(gatefold_${name}_test ${tests})
    target_link_libraries(gatefold_${name}_test PRIVATE gatefold::${name} GTest::gtest GTest::gmock GTest::gtest_main)
    target_compile_definitions(gatefold_${name}_test PRIVATE GATEFOLD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    # What a test says is short, what it calls is optimised where it is built; so the tests build in two thirds of the time.
    target_compile_options(gatefold_${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
    add_test(NAME unit.${name} COMMAND gatefold_${name}_test --gtest_brief=1)
    set_tests_properties(unit.${name} PROPERTIES LABELS unit)
  endif()
endfunction()
