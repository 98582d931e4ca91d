# A guest without a system: it loads the control registers that the words at PARAMETERS state (CR3, CR4, EFER, CR0), says so
# and halts. Page tables are there already, and map this code and the parameters where they lie. Booted by multiboot.
	.set	PARAMETERS, 0x400000

	.text
	.code32
	.long	0x1badb002, 0, -0x1badb002
	.globl	_start
_start:
	cli
	lgdt	descriptors_end
	movl	$PARAMETERS, %ebx
	movl	(%ebx), %eax
	movl	%eax, %cr3
	movl	8(%ebx), %eax
	movl	%eax, %cr4
	movl	$0xc0000080, %ecx
	movl	16(%ebx), %eax
	xorl	%edx, %edx
	wrmsr
	movl	24(%ebx), %eax
	movl	%eax, %cr0
	testl	$0x100, 16(%ebx)	# EFER.LME
	jz	2f
	ljmp	$8, $1f
	.code64
1:	movl	$PARAMETERS, %ebx
	.code32
2:	movl	$0x600d, 32(%ebx)	# the same bytes in both modes
3:	hlt
	jmp	3b

	.balign	8
descriptors:
	.quad	0
	.quad	0x00209a0000000000	# code, 64 bits
descriptors_end:
	.word	descriptors_end - descriptors - 1
	.long	descriptors
