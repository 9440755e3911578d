using System.Diagnostics.CodeAnalysis;

namespace Tempo.SimdBloom;

/// <summary>The cold ends of argument checks, kept out of the hot methods.</summary>
internal static class BloomThrow
{
    [DoesNotReturn]
    public static void IdLength(int length) =>
        throw new ArgumentException($"A trace id has {TraceIdHash.IdSizeBytes} bytes; this one has {length}.");

    [DoesNotReturn]
    public static void IdsLength(int length) =>
        throw new ArgumentException(
            $"Trace ids lie end to end, {TraceIdHash.IdSizeBytes} bytes each; {length} bytes are no whole number of ids.");

    [DoesNotReturn]
    public static void BitmapLength(int words, int hashCount) =>
        throw new ArgumentException($"The result bitmap has {words} words; {hashCount} hashes need {(hashCount + 63) / 64}.");
}
