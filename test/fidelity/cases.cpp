// The cases of C, compiled as C++, and some of the library's own.
#include <algorithm>
#include <exception>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <new>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cases.c"

namespace {

struct Global {
  std::string text = "global";
  Global() {
    CASE("cpp-global") std::cout << "constructed\n";
  }
  ~Global() {
    CASE("cpp-global") std::cout << "destroyed " << text << "\n";
  }
} global;

struct Local {
  ~Local() { std::cout << "unwound\n"; }
};

void static_local() {
  static Global another;
  another.text = "local";
}

}  // namespace

static void cpp_cases(const char *name) {
  (void)name;
  CASE("cpp-global") static_local();
  CASE("cpp-uncaught") throw std::runtime_error("nobody catches it");
  CASE("cpp-caught") {
    try {
      Local local;
      throw std::out_of_range("caught");
    } catch (const std::exception &error) {
      std::cout << error.what() << "\n";
    }
  }
  CASE("cpp-bad-alloc") {
    try {
      std::vector<char> huge(static_cast<size_t>(1) << 62);
    } catch (const std::exception &error) {
      std::cout << error.what() << "\n";
    }
  }
  CASE("cpp-cin") {
    std::ios::sync_with_stdio(false);
    std::cin.tie(nullptr);
    std::map<std::string, int> counts;
    for (std::string word; std::cin >> word;) counts[word]++;
    for (const auto &[word, count] : counts) std::cout << word << " " << count << "\n";
  }
  CASE("cpp-mixed-output") {
    std::cout << "one ";
    std::printf("two ");
    std::cerr << "three ";
    std::clog << "four ";
    std::cout << "five" << std::endl;
  }
  CASE("cpp-exit-in-the-middle") {
    Local local;
    std::exit(4);
  }
  CASE("cpp-terminate") std::terminate();
  CASE("cpp-threads") {
    std::mutex mutex;
    int sum = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back([&, i] { std::lock_guard<std::mutex> lock(mutex); sum += i; });
    for (auto &thread : threads) thread.join();
    std::cout << sum << " " << std::async(std::launch::async, [] { return 7; }).get() << "\n";
  }
  CASE("cpp-regex-and-locale") {
    std::cout << std::regex_replace("a1b22", std::regex("[0-9]+"), "#") << " " << std::locale("").name() << "\n";
  }
  CASE("cpp-stringstream") {
    std::stringstream stream("1 2 x");
    int number, sum = 0;
    while (stream >> number) sum += number;
    std::cout << sum << " " << stream.fail() << "\n";
  }
}
