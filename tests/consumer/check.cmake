# Installs the build folder `build` to a prefix inside it, then configures, builds and runs the project beside this file
# against that prefix alone. Variables: build, generator, compiler, flags.
set(prefix ${build}/consumer/prefix)
set(folder ${build}/consumer/build)
file(REMOVE_RECURSE ${build}/consumer)

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${status}\n${output}")
  endif()
endfunction()

step(${CMAKE_COMMAND} --install ${build} --prefix ${prefix})
step(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${folder} -G ${generator} -D CMAKE_CXX_COMPILER=${compiler}
     "-DCMAKE_CXX_FLAGS=${flags}" -D CMAKE_PREFIX_PATH=${prefix} -D CMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
step(${CMAKE_COMMAND} --build ${folder})
step(${folder}/consumer)
step(${folder}/host_consumer)
file(REMOVE_RECURSE ${build}/consumer)
