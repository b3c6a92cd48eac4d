/* SPDX-License-Identifier: Apache-2.0 */
/* Entry of every bare-metal guest: own stack, MMIO windows mapped, then guest_main(). */
    .section .text.start, "ax"
    .globl _start
    .weak guest_early
_start:
    mov $stack_top, %rsp
    mov %rsi, zero_page(%rip)
    mov $guest_early, %rax /* what shall happen before the slow loop below, if anything */
    test %rax, %rax
    jz 2f
    call *%rax
2:
    /* The monitor maps the first GiB; entry 3 of its page directory pointers adds 3..4 GiB. */
    mov $window_pd, %rdi
    mov $0xc0000083, %eax
    mov $512, %ecx
1:  mov %rax, (%rdi)
    add $8, %rdi
    add $0x200000, %rax
    dec %ecx
    jnz 1b
    mov %cr3, %rax
    mov (%rax), %rax
    and $~0xfff, %rax
    mov $window_pd + 3, %rdi
    mov %rdi, 24(%rax)
    mov %cr3, %rax
    mov %rax, %cr3
    call guest_main
    call finish

    .bss
    .balign 4096
window_pd:
    .skip 4096
    .skip 16384
stack_top:
    .globl zero_page
    .balign 8
zero_page:
    .skip 8
    .section .note.GNU-stack, "", @progbits
