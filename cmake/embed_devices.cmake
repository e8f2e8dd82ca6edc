# cmake -DOUTPUT=shipped_devices.cpp "-DFILES=a.yaml;b.yaml" -P embed_devices.cmake
# Writes the files' texts as raw string literals, under their names without folder and ending.
set(text "// Generated from devices/*.yaml.\n#include \"gatefold/device/shipped.h\"\n\nnamespace gatefold {\nnamespace {\n")
string(APPEND text "constexpr ShippedDevice kShipped[] = {\n")
list(TRANSFORM FILES REPLACE "\\.yaml$" "" OUTPUT_VARIABLE stems)
list(SORT stems)  # by name: with the ending, "a-b.yaml" comes before "a.yaml"
foreach(stem IN LISTS stems)
  get_filename_component(name "${stem}" NAME)
  file(READ "${stem}.yaml" yaml)
  string(APPEND text "{\"${name}\", R\"gatefold(${yaml})gatefold\"},\n")
endforeach()
string(APPEND text "};\n}  // namespace\n\nstd::span<const ShippedDevice> shipped_devices() { return kShipped; }\n\n}  // namespace gatefold\n")
file(WRITE "${OUTPUT}" "${text}")
