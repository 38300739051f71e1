// The judge's side: reads guesses on stdin, answers on stdout. 42: found within 20 guesses, 43: not.
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>

static std::string feedback;

[[noreturn]] static void wrong(const char *format, ...) {
  std::FILE *file = std::fopen((feedback + "judgemessage.txt").c_str(), "w");
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(file, format, arguments);
  va_end(arguments);
  std::fclose(file);
  std::exit(43);
}

int main(int argc, char **argv) {
  if (argc < 4) return 1;
  // A program that has ended does not read the answer to its last guess: that is to be told, not to be died of.
  std::signal(SIGPIPE, SIG_IGN);
  feedback = argv[3];
  std::FILE *input = std::fopen(argv[1], "r");
  long secret;
  if (input == nullptr || std::fscanf(input, "%ld", &secret) != 1) return 1;
  for (int guesses = 1; guesses <= 20; guesses++) {
    char word[32];
    if (std::scanf("%31s", word) != 1) wrong("no guess %d", guesses);
    char *end;
    const long guess = std::strtol(word, &end, 10);
    if (*end != '\0' || guess < 1 || guess > 1000000) wrong("guess %d: expected an integer from 1 to 1000000, found %s", guesses, word);
    std::printf("%s\n", guess == secret ? "correct" : guess < secret ? "higher" : "lower");
    std::fflush(stdout);
    if (guess == secret) return 42;
  }
  wrong("more than 20 guesses");
}
