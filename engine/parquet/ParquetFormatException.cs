using System.Diagnostics.CodeAnalysis;

namespace Tempo.Engine.Parquet;

/// <summary>
/// The bytes are not a Parquet file that this reader can trust: damaged, hostile, or of a feature it does not know.
/// The message says what was read, where, the value seen and the limit.
/// </summary>
public sealed class ParquetFormatException(string message) : Exception(message)
{
    /// <summary>Keeps the throw out of the callers' code, so that they stay small enough to inline.</summary>
    [DoesNotReturn]
    internal static void Throw(string message) => throw new ParquetFormatException(message);

    [DoesNotReturn]
    internal static T Throw<T>(string message) => throw new ParquetFormatException(message);
}
