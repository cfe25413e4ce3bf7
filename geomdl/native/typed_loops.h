/* The loops for one type of number REAL; included once for each type, with TYPED(name) naming it.
 *
 * Every entry is the product, or the sum, that NumPy would form, each operation rounded on its own
 * (the build forbids fused multiply-add), so that both give the same bits.
 */

#if HAS_STREAMING_STORES
static inline void TYPED(put)(REAL *out, REAL value)
{
    if (sizeof(REAL) == 8) {
        long long bits;
        memcpy(&bits, &value, sizeof(REAL));
        _mm_stream_si64((long long *)out, bits);
    } else {
        int bits;
        memcpy(&bits, &value, sizeof(REAL));
        _mm_stream_si32((int *)out, bits);
    }
}

/* Write scale * from past the caches: single numbers up to a multiple of 16 bytes, then 16 at a time. */
static inline REAL *TYPED(stream)(REAL *out, REAL scale, const REAL *from, Py_ssize_t count)
{
    const Py_ssize_t group = 16 / sizeof(REAL);
    Py_ssize_t at = 0;
    REAL scaled[16 / sizeof(REAL)];
    for (; at < count && ((uintptr_t)(out + at) & 15); at++)
        TYPED(put)(out + at, scale * from[at]);
    for (; at + group <= count; at += group) {
        for (Py_ssize_t k = 0; k < group; k++)
            scaled[k] = scale * from[at + k];
        __m128i bits;
        memcpy(&bits, scaled, 16);
        _mm_stream_si128((__m128i *)(out + at), bits);
    }
    for (; at < count; at++)
        TYPED(put)(out + at, scale * from[at]);
    return out + count;
}

static inline REAL *TYPED(stream_zeros)(REAL *out, Py_ssize_t count)
{
    Py_ssize_t at = 0;
    for (; at < count && ((uintptr_t)(out + at) & 15); at++)
        TYPED(put)(out + at, 0);
    for (; at + (Py_ssize_t)(16 / sizeof(REAL)) <= count; at += 16 / sizeof(REAL))
        _mm_stream_si128((__m128i *)(out + at), _mm_setzero_si128());
    for (; at < count; at++)
        TYPED(put)(out + at, 0);
    return out + count;
}
#endif

static inline REAL *TYPED(product)(int streaming, REAL *out, REAL scale, const REAL *from, Py_ssize_t count)
{
#if HAS_STREAMING_STORES
    if (streaming)
        return TYPED(stream)(out, scale, from, count);
#endif
    for (Py_ssize_t at = 0; at < count; at++)
        out[at] = scale * from[at];
    return out + count;
}

static inline REAL *TYPED(zeros)(int streaming, REAL *out, Py_ssize_t count)
{
#if HAS_STREAMING_STORES
    if (streaming)
        return TYPED(stream_zeros)(out, count);
#endif
    memset(out, 0, count * sizeof(REAL));
    return out + count;
}

/* One row of D: for every hidden layer delta (outer) activations, then delta; at last the output layer. */
static inline void TYPED(row)(const Jacobian *job, Py_ssize_t sample, Py_ssize_t output, int streaming)
{
    REAL *out = (REAL *)(job->rows + sample * job->sample_stride + output * job->output_stride);
    const REAL one = 1;
    for (Py_ssize_t layer = 0; layer < job->layers; layer++) {
        const Py_buffer *inputs = job->activations + layer, *deltas = job->sensitivities + layer;
        Py_ssize_t narrow = inputs->shape[1], wide = deltas->shape[2];
        const REAL *below = (const REAL *)inputs->buf + sample * narrow;
        const REAL *delta = (const REAL *)deltas->buf + (sample * job->outputs + output) * wide;
        for (Py_ssize_t unit = 0; unit < wide; unit++)
            out = TYPED(product)(streaming, out, delta[unit], below, narrow);
        out = TYPED(product)(streaming, out, one, delta, wide);
    }
    Py_ssize_t last = job->activations[job->layers].shape[1];
    const REAL *top = (const REAL *)job->activations[job->layers].buf + sample * last;
    out = TYPED(zeros)(streaming, out, output * last);
    out = TYPED(product)(streaming, out, one, top, last);
    out = TYPED(zeros)(streaming, out, (job->outputs - output - 1) * last + output);
    out = TYPED(product)(streaming, out, one, &one, 1);
    TYPED(zeros)(streaming, out, job->outputs - output - 1);
}

static void TYPED(jacobian)(const Jacobian *job)
{
    for (Py_ssize_t sample = 0; sample < job->samples; sample++)
        for (Py_ssize_t output = 0; output < job->outputs; output++) {
            if (job->streaming)
                TYPED(row)(job, sample, output, 1);
            else
                TYPED(row)(job, sample, output, 0);
        }
#if HAS_STREAMING_STORES
    if (job->streaming)
        _mm_sfence();
#endif
}

/* tile = work * factor, or tile + work * factor; one factor for each block of outputs x outputs. */
static void TYPED(scale_blocks)(const Tile *job)
{
    REAL *scale = (REAL *)job->scale;
    Py_ssize_t columns = job->others * job->outputs;
    for (Py_ssize_t sample = 0; sample < job->samples; sample++) {
        const REAL *factors = (const REAL *)(job->factors + sample * job->factor_stride);
        for (Py_ssize_t other = 0, at = 0; other < job->others; other++)
            for (Py_ssize_t output = 0; output < job->outputs; output++)
                scale[at++] = factors[other];
        for (Py_ssize_t row = sample * job->outputs; row < (sample + 1) * job->outputs; row++) {
            REAL *out = (REAL *)(job->tile + row * job->tile_stride);
            const REAL *work = (const REAL *)(job->work + row * job->work_stride);
            if (job->adding)
                for (Py_ssize_t at = 0; at < columns; at++)
                    out[at] += work[at] * scale[at];
            else
                for (Py_ssize_t at = 0; at < columns; at++)
                    out[at] = work[at] * scale[at];
        }
    }
}
