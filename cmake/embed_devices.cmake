# cmake -DOUTPUT=shipped_devices.cpp "-DFILES=a.yaml;b.yaml" -P embed_devices.cmake
# Writes the files' texts as raw string literals, under their names without folder and ending.
set(text "// Generated from devices/*.yaml.\n#include \"gatefold/device/shipped.h\"\n\nnamespace gatefold {\nnamespace {\n")
string(APPEND text "constexpr ShippedDevice kShipped[] = {\n")
foreach(file IN LISTS FILES)
  get_filename_component(name "${file}" NAME_WLE)
  file(READ "${file}" yaml)
  string(APPEND text "{\"${name}\", R\"gatefold(${yaml})gatefold\"},\n")
endforeach()
string(APPEND text "};\n}  // namespace\n\nstd::span<const ShippedDevice> shipped_devices() { return kShipped; }\n\n}  // namespace gatefold\n")
file(WRITE "${OUTPUT}" "${text}")
