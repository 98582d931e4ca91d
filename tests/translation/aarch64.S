// A guest without a system: it loads the registers that the words at PARAMETERS state (TCR, TTBR0, TTBR1), writes them behind
// as it reads them back, begins to translate, says so and waits for ever. Translation tables are there already, and map this
// code and the parameters where they lie.
	.set	PARAMETERS, 0x40400000

	.text
	.globl	_start
_start:
	movz	x19, #PARAMETERS >> 16, lsl #16
	mov	x0, #-1			// all memory is normal
	msr	mair_el1, x0
	ldp	x0, x1, [x19]
	ldr	x2, [x19, #16]
	msr	tcr_el1, x0
	msr	ttbr0_el1, x1
	msr	ttbr1_el1, x2
	isb
	mrs	x0, tcr_el1
	mrs	x1, ttbr0_el1
	mrs	x2, ttbr1_el1
	stp	x0, x1, [x19, #64]
	str	x2, [x19, #80]
	mrs	x0, sctlr_el1
	orr	x0, x0, #1
	msr	sctlr_el1, x0
	isb
	mov	w0, #0x600d
	str	w0, [x19, #32]
1:	wfi
	b	1b
