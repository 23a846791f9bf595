# An overlay port: vcpkg install libbedrock --overlay-ports=packaging/vcpkg
# It takes a release, because vcpkg has no Rust. BEDROCK_RELEASE names a folder with an unpacked release, in place of the
# download. CONTRIBUTING.md says when the SHA-512 is set.
set(VCPKG_BUILD_TYPE release)

if(DEFINED ENV{BEDROCK_RELEASE})
    set(release "$ENV{BEDROCK_RELEASE}")
else()
    set(name "libbedrock-${VERSION}-x86_64-unknown-linux-gnu.tar.xz")
    vcpkg_download_distfile(archive
        URLS "https://github.com/libbedrock/libbedrock/releases/download/v${VERSION}/${name}"
        FILENAME "${name}"
        SHA512 0)
    vcpkg_extract_source_archive(release ARCHIVE "${archive}")
endif()

file(INSTALL "${release}/include/" DESTINATION "${CURRENT_PACKAGES_DIR}/include")
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
    set(libraries "${release}/lib/libbedrock.a")
else()
    file(GLOB libraries "${release}/lib/libbedrock.so*")
endif()
file(INSTALL ${libraries} DESTINATION "${CURRENT_PACKAGES_DIR}/lib")

# The release's own package for CMake. vcpkg wants it in share, one folder nearer to the top.
file(INSTALL "${release}/lib/cmake/bedrock/" DESTINATION "${CURRENT_PACKAGES_DIR}/share/bedrock")
set(config "${CURRENT_PACKAGES_DIR}/share/bedrock/bedrock-config.cmake")
vcpkg_replace_string("${config}" [[${_bedrock_folder}/../../../include]] [[${_bedrock_folder}/../../include]])
vcpkg_replace_string("${config}" [[${_bedrock_folder}/../.."]] [[${_bedrock_folder}/../../lib"]])
file(INSTALL "${release}/lib/pkgconfig/bedrock.pc" DESTINATION "${CURRENT_PACKAGES_DIR}/lib/pkgconfig")
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${release}/LICENSE" "${release}/share/bedrock/THIRD-PARTY.md")
