#!/bin/sh
# The cell's tests and attacks under cgroup v2, in a kernel of its own, whatever this machine has mounted.
#
#   tools/test-cgroup2.sh KERNEL-IMAGE
#
# Needs qemu-system-x86_64, busybox (static), gcc, and a kernel image such as that of Debian's linux-image-cloud-amd64. The
# machine is an initramfs: busybox, a C compiler, the cell and its tests. It prints TAP; the exit status is that of the tests.
set -eu
kernel=${1:?usage: test-cgroup2.sh KERNEL-IMAGE}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree/bin" "$tree/etc/alternatives" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/tmp" "$tree/new" "$tree/test"

# with_libraries FILE...: copies files to the same place in the tree, and the shared libraries they need.
with_libraries() {
  for file; do
    mkdir -p "$tree$(dirname "$file")"
    cp -L "$file" "$tree$file"
    ldd "$file" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
      mkdir -p "$tree$(dirname "$library")"
      cp -L "$library" "$tree$library"
    done
  done
}

triple=$(gcc -dumpmachine)
compiler=$(dirname "$(gcc -print-file-name=cc1)")
with_libraries "$(readlink -f "$(command -v gcc)")" "$(readlink -f "$(command -v as)")" "$(readlink -f "$(command -v ld)")" \
  "$compiler/cc1" "$compiler/collect2" "$(gcc -print-prog-name=lto-wrapper)"
for tool in gcc as ld; do ln -sf "$(readlink -f "$(command -v $tool)")" "$tree/usr/bin/$tool"; done
cp -r "$compiler/include" "$tree$compiler/"
find "$compiler" -maxdepth 1 \( -name '*.o' -o -name '*.a' -o -name '*.so' -o -name 'liblto*' \) -exec cp -L {} "$tree$compiler/" \;
mkdir -p "$tree/usr/include" "$tree/usr/lib/$triple"
cp -r /usr/include/. "$tree/usr/include/"
for file in libc.a libm.a libm-*.a libmvec.a libpthread.a crt1.o crti.o crtn.o Scrt1.o; do
  for found in /usr/lib/"$triple"/$file; do if [ -e "$found" ]; then cp -L "$found" "$tree/usr/lib/$triple/"; fi; done
done

# What cells do not show of a host, and weakened ones do.
mkdir -p "$tree/home" "$tree/var"
echo "127.0.0.1 localhost" > "$tree/etc/hosts"

cp "$(command -v busybox)" "$tree/bin/busybox"
for applet in $("$tree/bin/busybox" --list); do
  if [ "$applet" != busybox ]; then ln -sf /bin/busybox "$tree/bin/$applet"; fi
done

flags="-std=gnu17 -D_GNU_SOURCE -O1 -static -I $root/native -I $root/test/native"
gcc $flags "$root"/native/cell/*.c -o "$tree/test/turno-cell"
gcc $flags -DTURNO_WEAK "$root"/native/cell/*.c -o "$tree/test/turno-cell-weak"
gcc $flags "$root/test/native/cell-test.c" "$root/test/native/host.c" -o "$tree/test/cell-test"
gcc $flags "$root/test/hostile/run-attacks.c" "$root/test/native/host.c" -o "$tree/test/run-attacks"
cp "$root"/test/hostile/*.[ch] "$tree/test/"
rm "$tree/test/run-attacks.c"

# The initramfs itself cannot be left by pivot_root, which the cell needs: so everything moves to a tmpfs first.
cat > "$tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t tmpfs -o size=80%,mode=755 root /new
for entry in /*; do case $entry in /new | /proc | /sys | /dev) ;; *) /bin/busybox cp -a "$entry" /new/ ;; esac; done
/bin/busybox mkdir -p /new/proc /new/sys /new/dev /new/new
exec /bin/busybox switch_root /new /run-tests
INIT
cat > "$tree/run-tests" <<'TESTS'
#!/bin/busybox sh
export PATH=/usr/bin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t cgroup2 none /sys/fs/cgroup
cd /test
export TURNO_CELL=/test/turno-cell TURNO_BACKEND=root-v2 TURNO_SLOW=5
echo "# kernel $(uname -r), controllers $(cat /sys/fs/cgroup/cgroup.controllers)"
./turno-cell --check | sed 's/^/# /'
./cell-test
echo "status $?"
TURNO_WEAK_CELL=/test/turno-cell-weak ./run-attacks *.c
echo "status $?"
echo "groups left: $(find /sys/fs/cgroup -name 'turno*' | wc -l)"
poweroff -f
TESTS
chmod +x "$tree/init" "$tree/run-tests"
(cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) > "$work/initramfs"

# KVM inside of a virtual machine may open and fail at an instruction or a register: TURNO_ACCEL=kvm where it is sound, and
# TURNO_CPU=max,arch-capabilities=off where that register is the trouble.
qemu-system-x86_64 -machine "accel=${TURNO_ACCEL:-tcg}" -cpu "${TURNO_CPU:-max}" -m 3G -smp 2 -nographic -no-reboot -kernel "$kernel" -initrd "$work/initramfs" \
  -append 'console=ttyS0 quiet panic=-1 cgroup_no_v1=all' < /dev/null | tr -d '\r' | tee "$work/output"
test "$(grep -c '^status 0$' "$work/output")" = 2 && grep -q '^groups left: 0$' "$work/output"
