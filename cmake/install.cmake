# What `cmake --install` puts where: headers and static libraries of all rooms, the tool, the data files in
# share/gatefold, and a package file so that a stranger writes find_package(gatefold 0.1) and links gatefold::<room>.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(gatefold_rooms GLOBAL PROPERTY GATEFOLD_ROOMS)
set(gatefold_package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/gatefold)

install(TARGETS ${gatefold_rooms} EXPORT gatefoldTargets ARCHIVE FILE_SET HEADERS)
install(EXPORT gatefoldTargets NAMESPACE gatefold:: DESTINATION ${gatefold_package_folder})
if(TARGET gatefold_tool)
  install(TARGETS gatefold_tool RUNTIME)
endif()
foreach(folder devices scenarios models)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${folder})
    install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_DATADIR}/gatefold
            PATTERN "*.py" EXCLUDE PATTERN "__pycache__" EXCLUDE PATTERN "CMakeLists.txt" EXCLUDE)
  endif()
endforeach()

# The packages an installed Gatefold needs are those whose targets the rooms link: each line is a target and the
# package that defines it. A target without a line stops the configuration here rather than at a stranger's.
set(gatefold_packages
    fmt::fmt=fmt
    onnx=ONNX
    onnx_proto=ONNX
    protobuf::libprotobuf=Protobuf
    DNNL::dnnl=dnnl
    OpenMP::OpenMP_CXX=OpenMP
    yaml-cpp=yaml-cpp
    nlohmann_json::nlohmann_json=nlohmann_json
    CLI11::CLI11=CLI11
    Threads::Threads=Threads)
set(gatefold_dependencies "")
foreach(room IN LISTS gatefold_rooms)
  get_target_property(links ${room} INTERFACE_LINK_LIBRARIES)
  foreach(link IN LISTS links)
    # A private dependency of a static library is still linked by its users.
    string(REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" link "${link}")
    string(REGEX REPLACE "^\\$<BUILD_INTERFACE:.*>$" "" link "${link}")
    if(NOT TARGET "${link}" OR link MATCHES "^gatefold")
      continue()
    endif()
    set(package ${gatefold_packages})
    list(FILTER package INCLUDE REGEX "^${link}=")
    if(NOT package)
      message(FATAL_ERROR "${room} links ${link}: cmake/install.cmake does not say which package defines it")
    endif()
    string(REPLACE "${link}=" "" package "${package}")
    list(APPEND gatefold_dependencies "find_dependency(${package})")
  endforeach()
endforeach()
list(REMOVE_DUPLICATES gatefold_dependencies)
list(JOIN gatefold_dependencies "\n" gatefold_dependencies)

configure_package_config_file(cmake/gatefoldConfig.cmake.in ${PROJECT_BINARY_DIR}/gatefoldConfig.cmake
                              INSTALL_DESTINATION ${gatefold_package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gatefoldConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gatefoldConfig.cmake ${PROJECT_BINARY_DIR}/gatefoldConfigVersion.cmake
        DESTINATION ${gatefold_package_folder})
