/* The two loops that NumPy can only run in several passes through memory; see geomdl/native/__init__.py.
 *
 * Arrays come through the buffer protocol, so that nothing but Python itself is needed to build this.
 * All shapes are checked here: a wrong argument is a ValueError, never a wrong address.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <emmintrin.h>
#define HAS_STREAMING_STORES 1
#else
#define HAS_STREAMING_STORES 0
#endif

/* A result larger than this leaves the caches anyway: written past them, memory is not read first. */
#define STREAM_FROM_BYTES ((Py_ssize_t)8 << 20)

typedef struct {
    Py_ssize_t samples, outputs, layers;
    const Py_buffer *activations, *sensitivities; /* layers + 1, samples x width; layers, x outputs x width */
    char *rows;
    Py_ssize_t sample_stride, output_stride;
    int streaming;
} Jacobian;

typedef struct {
    Py_ssize_t samples, others, outputs;
    char *tile;
    const char *work, *factors;
    Py_ssize_t tile_stride, work_stride, factor_stride;
    int adding;
    char *scale;
} Tile;

#define REAL double
#define TYPED(name) name##_double
#include "typed_loops.h"
#undef REAL
#undef TYPED
#define REAL float
#define TYPED(name) name##_float
#include "typed_loops.h"
#undef REAL
#undef TYPED

/* Get an array of `ndim` dimensions whose last one is contiguous (all of them, where `whole`). */
static int get(PyObject *object, Py_buffer *view, int ndim, char type, int whole, int writable)
{
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0)))
        return 0;
    int fits = view->ndim == ndim && view->format && strlen(view->format) == 1
        && (type ? view->format[0] == type : strchr("df", view->format[0]) != NULL)
        && view->strides[ndim - 1] == view->itemsize
        && (!whole || PyBuffer_IsContiguous(view, 'C'));
    /* Aligned: a NumPy array may begin at any byte, a C pointer to a number may not. */
    for (int axis = 0; fits && axis < ndim; axis++)
        fits = view->strides[axis] % view->itemsize == 0;
    fits = fits && (uintptr_t)view->buf % view->itemsize == 0;
    if (!fits) {
        PyErr_Format(PyExc_ValueError,
                     "got an array of %d dimensions and format %s; expected %d dimensions, aligned and "
                     "contiguous rows of float32 or float64, one type throughout",
                     view->ndim, view->format ? view->format : "?", ndim);
        PyBuffer_Release(view);
    }
    return fits;
}

static int expect(int condition, const char *what)
{
    if (!condition)
        PyErr_Format(PyExc_ValueError, "got shapes that do not fit: %s", what);
    return condition;
}

/* Get the buffers of all layers; those that were taken are counted, to be given back by the caller. */
static int get_layers(const Jacobian *job, PyObject *activations, PyObject *sensitivities, char type,
                      Py_buffer *views, Py_ssize_t *taken)
{
    for (Py_ssize_t layer = 0; layer <= job->layers; layer++) {
        Py_buffer *view = views + *taken;
        if (!get(PyTuple_GET_ITEM(activations, layer), view, 2, type, 1, 0))
            return 0;
        ++*taken;
        if (!expect(view->shape[0] == job->samples, "activations of another number of samples"))
            return 0;
    }
    for (Py_ssize_t layer = 0; layer < job->layers; layer++) {
        Py_buffer *view = views + *taken;
        if (!get(PyTuple_GET_ITEM(sensitivities, layer), view, 3, type, 1, 0))
            return 0;
        ++*taken;
        if (!expect(view->shape[0] == job->samples && view->shape[1] == job->outputs
                        && view->shape[2] == job->activations[layer + 1].shape[1],
                    "sensitivities that are not samples x outputs x width"))
            return 0;
    }
    return 1;
}

static Py_ssize_t columns_of(const Jacobian *job)
{
    Py_ssize_t columns = job->outputs * (job->activations[job->layers].shape[1] + 1);
    for (Py_ssize_t layer = 0; layer < job->layers; layer++)
        columns += job->activations[layer + 1].shape[1] * (job->activations[layer].shape[1] + 1);
    return columns;
}

static PyObject *write_jacobian(PyObject *self, PyObject *args)
{
    PyObject *rows, *activations, *sensitivities, *result = NULL;
    if (!PyArg_ParseTuple(args, "OO!O!", &rows, &PyTuple_Type, &activations, &PyTuple_Type, &sensitivities))
        return NULL;
    Py_ssize_t layers = PyTuple_GET_SIZE(sensitivities), taken = 0;
    if (!expect(PyTuple_GET_SIZE(activations) == layers + 1,
                "one array of activations more than sensitivities is needed"))
        return NULL;
    Py_buffer out, *views = PyMem_Calloc(2 * layers + 1, sizeof(Py_buffer));
    if (!views)
        return PyErr_NoMemory();
    if (!get(rows, &out, 3, 0, 0, 1))
        goto free;
    Jacobian job = {out.shape[0], out.shape[1], layers, views, views + layers + 1, out.buf,
                    out.strides[0], out.strides[1], HAS_STREAMING_STORES && out.len >= STREAM_FROM_BYTES};
    if (get_layers(&job, activations, sensitivities, out.format[0], views, &taken)
        && expect(columns_of(&job) == out.shape[2], "rows of another length than the parameters")) {
        Py_BEGIN_ALLOW_THREADS
        if (out.format[0] == 'd')
            jacobian_double(&job);
        else
            jacobian_float(&job);
        Py_END_ALLOW_THREADS
        result = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&out);
free:
    while (taken)
        PyBuffer_Release(views + --taken);
    PyMem_Free(views);
    return result;
}

static PyObject *scale_blocks(PyObject *self, PyObject *args)
{
    PyObject *tiles, *works, *factors, *result = NULL;
    int adding;
    if (!PyArg_ParseTuple(args, "OOOp", &tiles, &works, &factors, &adding))
        return NULL;
    Py_buffer tile, work, factor;
    if (!get(tiles, &tile, 2, 0, 0, 1))
        return NULL;
    if (!get(works, &work, 2, tile.format[0], 0, 0))
        goto tile;
    if (!get(factors, &factor, 2, tile.format[0], 0, 0))
        goto work;
    Py_ssize_t samples = factor.shape[0], others = factor.shape[1];
    Py_ssize_t outputs = samples ? tile.shape[0] / samples : 0;
    if (!expect(tile.shape[0] == samples * outputs && tile.shape[1] == others * outputs
                    && work.shape[0] == tile.shape[0] && work.shape[1] == tile.shape[1],
                "a tile is (samples x outputs) rows of (other samples x outputs) columns"))
        goto factor;
    char *scale = PyMem_Malloc(tile.shape[1] * tile.itemsize + 1);
    if (!scale) {
        PyErr_NoMemory();
        goto factor;
    }
    Tile job = {samples, others, outputs, tile.buf, work.buf, factor.buf,
                tile.strides[0], work.strides[0], factor.strides[0], adding, scale};
    Py_BEGIN_ALLOW_THREADS
    if (tile.format[0] == 'd')
        scale_blocks_double(&job);
    else
        scale_blocks_float(&job);
    Py_END_ALLOW_THREADS
    PyMem_Free(scale);
    result = Py_NewRef(Py_None);
factor:
    PyBuffer_Release(&factor);
work:
    PyBuffer_Release(&work);
tile:
    PyBuffer_Release(&tile);
    return result;
}

static PyMethodDef methods[] = {
    {"write_jacobian", write_jacobian, METH_VARARGS,
     "write_jacobian(rows, activations, sensitivities): write D, shape (N, Q, K), row after row."},
    {"scale_blocks", scale_blocks, METH_VARARGS,
     "scale_blocks(tile, work, factors, adding): tile (+)= work times factors, blockwise."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "loops", "Loops of geomdl's kernels in C.", 0, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_loops(void)
{
    return PyModule_Create(&module);
}
