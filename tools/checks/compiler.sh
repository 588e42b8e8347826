#!/bin/bash
# Says what to install when there is no compiler that knows C++20.
set -eu
cxx="${CXX:-c++}"
need() { echo "flambeau: $1" >&2; echo "flambeau: on Debian or Ubuntu: apt install g++ (12 or newer), or set CXX" >&2; exit 1; }
command -v "${cxx%% *}" >/dev/null || need "no C++ compiler ($cxx) was found"
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cat > "$dir/probe.cpp" <<'CPP'
#include <bit>
#include <concepts>
#include <span>
template <std::integral T> constexpr int width(T x) { return std::bit_width(unsigned(x)); }
using Vector = float __attribute__((vector_size(16)));
int main() {
  Vector v{1, 2, 3, 4};
  int a[2] = {1, 2};
  return width(a[0]) + int(std::span<int>(a).size()) + int((v + v)[0]) == 5 ? 0 : 1;
}
CPP
$cxx -std=c++20 "$dir/probe.cpp" -o "$dir/probe" 2>"$dir/log" || { cat "$dir/log" >&2; need "$cxx does not compile C++20"; }
"$dir/probe" || need "a program compiled by $cxx does not run"
