// udp-echo PORT [COUNT]: answers every packet with the sender's address and the packet, and logs the address. A stand-in for
// the UDP servers that busybox does not have. Linked statically, so that any image can run it.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(argc > 1 ? atoi(argv[1]) : 81)};
  if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) < 0) {
    perror("bind");
    return 1;
  }
  puts("ready");
  for (;;) {
    char packet[2048], answer[4096], address[INET6_ADDRSTRLEN];
    struct sockaddr_in6 from;
    socklen_t size = sizeof from;
    ssize_t got = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
    if (got < 0) continue;
    inet_ntop(AF_INET6, &from.sin6_addr, address, sizeof address);
    const char *text = !strncmp(address, "::ffff:", 7) ? address + 7 : address;
    int length = snprintf(answer, sizeof answer, "%s %.*s", text, (int)got, packet);
    printf("%s\n", text);
    fflush(stdout);
    sendto(fd, answer, length, 0, (struct sockaddr *)&from, size);
  }
}
