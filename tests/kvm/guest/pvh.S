/* SPDX-License-Identifier: Apache-2.0 */
/* A 32-bit kernel that only the PVH note starts: checks its state and start info, prints, resets. */
    .section .note.Xen, "a", @note
    .long 4, 4, 18          /* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long start

    .text
    .code32
    .globl start
start:
    movl $0x80000, %esp      /* the ABI gives no stack */
    movl $bad_magic, %esi
    cmpl $0x336ec578, (%ebx)
    jne print
    movl $bad_version, %esi
    cmpl $1, 4(%ebx)
    jne print
    movl $bad_mode, %esi    /* protected mode, no paging */
    movl %cr0, %eax
    andl $0x80000001, %eax
    cmpl $1, %eax
    jne print
    movl $bad_map, %esi
    movl 40(%ebx), %edi     /* first entry of the memory map is RAM from 0 */
    cmpl $2, 48(%ebx)
    jb print
    cmpl $0, (%edi)
    jne print
    cmpl $1, 16(%edi)
    jne print
    movl $bad_rsdp, %esi
    movl 32(%ebx), %edi
    cmpl $0x20445352, (%edi) /* "RSD " */
    jne print
    movl $hello, %esi
print:
    call puts
    movl 24(%ebx), %esi     /* the command line */
    call puts
    movl $newline, %esi
    call puts
    movb $0xfe, %al
    outb %al, $0x64
1:  jmp 1b

puts:
    movw $0x3f8, %dx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  ret

    .section .rodata
bad_magic:   .asciz "FAIL magic "
bad_version: .asciz "FAIL version "
bad_mode:    .asciz "FAIL mode "
bad_map:     .asciz "FAIL map "
bad_rsdp:    .asciz "FAIL rsdp "
hello:       .asciz "PASS pvh "
newline:     .asciz "\nDONE\n"
    .section .note.GNU-stack, "", @progbits
