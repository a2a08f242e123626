// The temporary directories and the GGUF builder of the io tests, in this program too.
#include "io/test_files.cpp"
