// The memory cells of memory_cells.py through time, forward and backward, as one operator each: the same formulas in
// loops over steps, replicas and sequences. Shapes and names are those of memory_cells.py; replicas are shared out among
// threads, and no number depends on how.

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>

namespace {

using at::Tensor;

struct Form {
  int64_t blocks, size;
  bool plain, output_gate, forget_gate, gates;
  double carousel;

  int64_t cells() const { return blocks * size; }
  int64_t in() const { return cells(); }
  int64_t out() const { return in() + blocks; }
  int64_t forget() const { return out() + blocks * output_gate; }
  int64_t units() const { return forget() + blocks * forget_gate; }
};

template <typename T>
T logistic(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

template <typename T>
T slope(T y) {
  return y * (T(1) - y);
}

// Replicas worth a thread of their own.
int64_t grain(int64_t steps, int64_t count, int64_t units) {
  return std::max<int64_t>(1, 65536 / std::max<int64_t>(1, steps * count * units));
}

// One sequence, one step: from net (H) and the activities before (H) to y (H), σ(net_c) − ½ and s (cells).
template <typename T>
void forward(const Form& form, const T* net, const T* weight, int64_t counted, const T* before, const T* s_before, T* y,
             T* inner, T* s) {
  const int64_t units = form.units(), cells = form.cells();
  for (int64_t h = 0; h < units; ++h) y[h] = net[h];
  for (int64_t k = 0; k < counted; ++k)
    for (int64_t h = 0; h < units; ++h) y[h] += before[k] * weight[k * units + h];
  for (int64_t h = 0; h < units; ++h) y[h] = logistic(y[h]);
  for (int64_t c = 0; c < cells; ++c) {
    const int64_t block = c / form.size;
    inner[c] = y[c] - T(0.5);
    const T hold = form.forget_gate ? y[form.forget() + block] : T(form.carousel);
    s[c] = hold * s_before[c] + y[form.in() + block] * (form.plain ? y[c] : 4 * inner[c]);
    const T h = form.plain ? s[c] : 2 * logistic(s[c]) - 1;
    y[c] = form.output_gate ? y[form.out() + block] * h : h;
  }
}

std::tuple<Tensor, Tensor, Tensor> run(const Tensor& net, const std::optional<Tensor>& recurrent,
                                       const std::optional<Tensor>& y_start, const std::optional<Tensor>& s_start,
                                       int64_t blocks, int64_t size, bool plain, bool output_gate, bool forget_gate,
                                       bool gates, double carousel) {
  const Form form{blocks, size, plain, output_gate, forget_gate, gates, carousel};
  const Tensor nets = net.contiguous(), weights = recurrent ? recurrent->contiguous() : Tensor();
  const int64_t steps = net.size(0), replicas = net.size(1), count = net.size(2);
  const int64_t units = form.units(), cells = form.cells(), counted = recurrent ? recurrent->size(1) : 0;
  Tensor y = at::empty({steps + 1, replicas, count, units}, net.options());
  Tensor inner = at::empty({steps, replicas, count, cells}, net.options());
  Tensor s = at::empty({steps + 1, replicas, count, cells}, net.options());
  y_start ? y[0].copy_(*y_start) : y[0].zero_();
  s_start ? s[0].copy_(*s_start) : s[0].zero_();
  AT_DISPATCH_FLOATING_TYPES(net.scalar_type(), "memory_cells_run", [&] {
    const scalar_t* w = recurrent ? weights.const_data_ptr<scalar_t>() : nullptr;
    const scalar_t* from = nets.const_data_ptr<scalar_t>();
    scalar_t *to_y = y.data_ptr<scalar_t>(), *to_inner = inner.data_ptr<scalar_t>(), *to_s = s.data_ptr<scalar_t>();
    at::parallel_for(0, replicas, grain(steps, count, units), [&](int64_t first, int64_t last) {
      for (int64_t t = 0; t < steps; ++t)
        for (int64_t i = first * count; i < last * count; ++i) {
          const int64_t now = t * replicas * count + i, next = now + replicas * count;
          forward(form, from + now * units, w + i / count * counted * units, counted, to_y + now * units,
                  to_s + now * cells, to_y + next * units, to_inner + now * cells, to_s + next * cells);
        }
    });
  });
  return {y, inner, s};
}

// One sequence, one step back: from ∂E/∂y_c and what came later (null at the end) to δ (H) and ∂E/∂s (cells). Where
// errors flow through the recurrent weights too (counted > 0), the later δ comes back through them.
template <typename T>
void backward(const Form& form, const T* weight, int64_t counted, const T* y, const T* inner, const T* s_before,
              const T* s, const T* blame, const T* y_later, const T* delta_later, const T* state_later, T* delta,
              T* state) {
  const int64_t units = form.units(), cells = form.cells();
  for (int64_t h = 0; h < units; ++h) delta[h] = h < cells ? blame[h] : T(0);  // ∂E/∂y, until it is turned into δ
  if (delta_later)
    for (int64_t k = 0; k < counted; ++k)
      for (int64_t h = 0; h < units; ++h) delta[k] += weight[k * units + h] * delta_later[h];
  for (int64_t c = 0; c < cells; ++c) {
    const int64_t block = c / form.size;
    const T h = form.plain ? s[c] : 2 * logistic(s[c]) - 1, error = delta[c];
    const T g = form.plain ? inner[c] + T(0.5) : 4 * inner[c], slope_sigma = T(0.25) - inner[c] * inner[c];
    T into = form.plain ? error : error * T(0.5) * (T(1) - h * h);
    if (form.output_gate) {
      into *= y[form.out() + block];
      delta[form.out() + block] += h * error;
    }
    if (state_later) into += state_later[c] * (form.forget_gate ? y_later[form.forget() + block] : T(form.carousel));
    state[c] = into;
    delta[c] = y[form.in() + block] * (form.plain ? slope_sigma : 4 * slope_sigma) * into;
    delta[form.in() + block] += g * into;
    if (form.forget_gate) delta[form.forget() + block] += s_before[c] * into;
  }
  for (int64_t h = cells; h < units; ++h) delta[h] *= slope(y[h]);
}

std::tuple<Tensor, Tensor> errors(const Tensor& y, const Tensor& inner, const Tensor& s, const Tensor& blame,
                                  const std::optional<Tensor>& recurrent, int64_t blocks, int64_t size, bool plain,
                                  bool output_gate, bool forget_gate, bool gates, double carousel) {
  const Form form{blocks, size, plain, output_gate, forget_gate, gates, carousel};
  const Tensor ys = y.contiguous(), inners = inner.contiguous(), ss = s.contiguous(), blames = blame.contiguous();
  const Tensor weights = recurrent ? recurrent->contiguous() : Tensor();
  const int64_t steps = inner.size(0), replicas = inner.size(1), count = inner.size(2);
  const int64_t units = form.units(), cells = form.cells(), counted = recurrent ? recurrent->size(1) : 0;
  Tensor delta = at::empty({steps, replicas, count, units}, y.options());
  Tensor state = at::empty({steps, replicas, count, cells}, y.options());
  AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "memory_cells_errors", [&] {
    const scalar_t* w = recurrent ? weights.const_data_ptr<scalar_t>() : nullptr;
    const scalar_t *of_y = ys.const_data_ptr<scalar_t>(), *of_inner = inners.const_data_ptr<scalar_t>();
    const scalar_t *of_s = ss.const_data_ptr<scalar_t>(), *of_blame = blames.const_data_ptr<scalar_t>();
    scalar_t *to_delta = delta.data_ptr<scalar_t>(), *to_state = state.data_ptr<scalar_t>();
    at::parallel_for(0, replicas, grain(steps, count, units), [&](int64_t first, int64_t last) {
      for (int64_t t = steps - 1; t >= 0; --t)
        for (int64_t i = first * count; i < last * count; ++i) {
          const int64_t now = t * replicas * count + i, next = now + replicas * count;
          const bool later = t + 1 < steps;
          backward(form, w + i / count * counted * units, counted, of_y + next * units, of_inner + now * cells,
                   of_s + now * cells, of_s + next * cells, of_blame + now * cells,
                   later ? of_y + (next + replicas * count) * units : nullptr, later ? to_delta + next * units : nullptr,
                   later ? to_state + next * cells : nullptr, to_delta + now * units, to_state + now * cells);
        }
    });
  });
  return {delta, state};
}

}  // namespace

#define FORM "int blocks, int size, bool plain, bool output_gate, bool forget_gate, bool gates, float carousel"

TORCH_LIBRARY(landmarks_cells, library) {
  library.def("run(Tensor net, Tensor? recurrent, Tensor? y, Tensor? s, " FORM ") -> (Tensor, Tensor, Tensor)");
  library.def("errors(Tensor y, Tensor inner, Tensor s, Tensor blame, Tensor? recurrent, " FORM
              ") -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(landmarks_cells, CPU, library) {
  library.impl("run", run);
  library.impl("errors", errors);
}
