# Sourced: what a target is called elsewhere. target_triple TARGET prints its GNU triple.
creel_targets="x86_64 arm64 armhf riscv64"

target_triple() {
  case $1 in
    x86_64) echo x86_64-linux-gnu ;;
    arm64) echo aarch64-linux-gnu ;;
    armhf) echo arm-linux-gnueabihf ;;
    riscv64) echo riscv64-linux-gnu ;;
    *) return 1 ;;
  esac
}

# The static qemu that runs TARGET's programs here; empty when they run as they are.
target_runner() {
  case $(uname -m)-$1 in
    x86_64-x86_64 | aarch64-arm64 | armv7l-armhf | riscv64-riscv64) ;;
    *-x86_64) echo qemu-x86_64-static ;;
    *-arm64) echo qemu-aarch64-static ;;
    *-armhf) echo qemu-arm-static ;;
    *-riscv64) echo qemu-riscv64-static ;;
  esac
}
