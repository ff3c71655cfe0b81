/*
 * kernel_end.h
 *	  End of a template of kernels; see kernel.h.
 */
#undef Row
#undef RowMask
#undef KernelName
#undef KERNEL_PARTS
#undef KERNEL
#undef KERNEL_WIDTH
