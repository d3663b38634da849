# Read by CMake inside llama.cpp's own project: only the library is wanted, not the code its command-line tools share,
# which is more than half of the compilation and which llama-cpp-python's build would otherwise force on.
set(LLAMA_BUILD_COMMON OFF)
