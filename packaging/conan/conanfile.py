"""libbedrock from an unpacked release, with the targets that its own CMake package has.

    BEDROCK_RELEASE=<the tarball of make dist, or a folder with it unpacked> conan create packaging/conan --version 0.1.0
"""
import os

from conan import ConanFile
from conan.errors import ConanException, ConanInvalidConfiguration
from conan.tools.files import copy, get, unzip


class LibbedrockConan(ConanFile):
    name = "libbedrock"
    description = "Amazon Bedrock for every language that can call C"
    license = "Apache-2.0"
    homepage = "https://github.com/libbedrock/libbedrock"
    url = homepage
    topics = ("aws", "bedrock", "llm")
    package_type = "library"
    settings = "os", "arch"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    TRIPLES = {"x86_64": "x86_64-unknown-linux-gnu", "armv8": "aarch64-unknown-linux-gnu"}

    def validate(self):
        if self.settings.os != "Linux" or str(self.settings.arch) not in self.TRIPLES:
            raise ConanInvalidConfiguration("libbedrock is released for Linux, x86_64 and armv8")

    def build(self):
        release = os.environ.get("BEDROCK_RELEASE")
        if not release:
            triple = self.TRIPLES[str(self.settings.arch)]
            get(self, f"{self.homepage}/releases/download/v{self.version}/libbedrock-{self.version}-{triple}.tar.xz",
                strip_root=True)
        elif os.path.isdir(release):
            copy(self, "*", release, self.build_folder)
        elif os.path.isfile(release):
            unzip(self, release, self.build_folder, strip_root=True)
        else:
            raise ConanException(f"BEDROCK_RELEASE: {release} is no file and no folder")
        # Before anything of it is used: a changed file fails here.
        self.run("sha256sum --check --quiet SHA256SUMS")

    def package(self):
        copy(self, "LICENSE", self.build_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "THIRD-PARTY.md", os.path.join(self.build_folder, "share/bedrock"),
             os.path.join(self.package_folder, "licenses"))
        copy(self, "*", os.path.join(self.build_folder, "include"), os.path.join(self.package_folder, "include"))
        pattern = "libbedrock.so*" if self.options.shared else "libbedrock.a"
        copy(self, pattern, os.path.join(self.build_folder, "lib"), os.path.join(self.package_folder, "lib"))

    # Conan writes its own CMake package and pkg-config file from this, instead of those of the release.
    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "bedrock")
        self.cpp_info.set_property("pkg_config_name", "none")
        library = self.cpp_info.components["library"]
        library.set_property("cmake_target_name", "bedrock::bedrock")
        library.set_property("cmake_target_aliases", ["bedrock::shared" if self.options.shared else "bedrock::static"])
        library.set_property("pkg_config_name", "bedrock")
        library.libs = ["bedrock"]
        if not self.options.shared:
            library.system_libs = ["gcc_s", "util", "rt", "pthread", "m", "dl", "c"]
        cpp = self.cpp_info.components["cpp"]
        cpp.set_property("cmake_target_name", "bedrock::cpp")
        cpp.requires = ["library"]
