// A bare number has no unit.
// Refused: conversion from 'int' to .* requested|could not convert|no viable conversion from 'int'
#include "gatefold/base/quantity.h"

#ifdef GATEFOLD_VIOLATION
constexpr gatefold::Cycles kTime = 5;
#else
constexpr gatefold::Cycles kTime(5);
#endif
static_assert(kTime.count() == 5);
