/*
 * kernel_end.h
 *	  End of a template of kernels; see kernel.h.
 */
#undef Row
#undef RowMask
#undef RowF
#undef RowMaskF
#undef KernelName
#undef KERNEL_PARTS
#undef KERNEL_FLOATS
#undef KERNEL
#undef KERNEL_WIDTH
#undef LesserF
#undef GreaterF
#undef ReciprocalRootF
