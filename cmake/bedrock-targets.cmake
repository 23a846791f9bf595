# The targets of libbedrock, for find_package and for add_subdirectory alike. The includer sets _bedrock_include (a
# folder), _bedrock_shared, _bedrock_soname and _bedrock_static (files, or empty), and _bedrock_scope (empty or GLOBAL).
#
#   bedrock::shared    the shared library
#   bedrock::static    the static library, with the system libraries that it needs
#   bedrock::bedrock   bedrock::shared; bedrock::static if BEDROCK_LINK is "static", or if there is no shared library
#   bedrock::cpp       bedrock::bedrock and C++17, for bedrock.hpp

if(_bedrock_shared AND NOT TARGET bedrock::shared)
  add_library(bedrock::shared SHARED IMPORTED ${_bedrock_scope})
  set_target_properties(bedrock::shared PROPERTIES
    IMPORTED_LOCATION "${_bedrock_shared}"
    IMPORTED_SONAME "${_bedrock_soname}"
    INTERFACE_INCLUDE_DIRECTORIES "${_bedrock_include}")
endif()

if(_bedrock_static AND NOT TARGET bedrock::static)
  add_library(bedrock::static STATIC IMPORTED ${_bedrock_scope})
  set_target_properties(bedrock::static PROPERTIES
    IMPORTED_LOCATION "${_bedrock_static}"
    IMPORTED_LINK_INTERFACE_LANGUAGES C
    INTERFACE_INCLUDE_DIRECTORIES "${_bedrock_include}"
    INTERFACE_LINK_LIBRARIES "gcc_s;util;rt;pthread;m;dl;c")
endif()

if(NOT TARGET bedrock::bedrock)
  add_library(bedrock::bedrock INTERFACE IMPORTED ${_bedrock_scope})
  if(TARGET bedrock::static AND (BEDROCK_LINK STREQUAL "static" OR NOT TARGET bedrock::shared))
    set_target_properties(bedrock::bedrock PROPERTIES INTERFACE_LINK_LIBRARIES bedrock::static)
  else()
    set_target_properties(bedrock::bedrock PROPERTIES INTERFACE_LINK_LIBRARIES bedrock::shared)
  endif()
endif()

if(NOT TARGET bedrock::cpp)
  add_library(bedrock::cpp INTERFACE IMPORTED ${_bedrock_scope})
  set_target_properties(bedrock::cpp PROPERTIES
    INTERFACE_LINK_LIBRARIES bedrock::bedrock
    INTERFACE_COMPILE_FEATURES cxx_std_17)
endif()
