using Tempo.Engine.ObjectStore;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// A part of a block cannot be read: damaged, gone, or its store fails. Costs the query that part (the answer is partial)
/// and nothing else.
/// </summary>
public sealed class BlockReadException(string message, Exception inner) : Exception(message, inner)
{
    /// <summary>The block is not there any more: its meta.json is gone, too. An answer without it is whole.</summary>
    public bool IsGone { get; init; }

    /// <summary>Runs a read and gives all that can go wrong with one the one name.</summary>
    internal static T Guard<TState, T>(TState state, Func<TState, T> read, Action<Exception>? onDamage = null)
    {
        try
        {
            return read(state);
        }
        catch (Exception e) when (IsOfReading(e))
        {
            onDamage?.Invoke(e);
            throw new BlockReadException(e.Message, e);
        }
    }

    /// <summary>Is it one of the things that go wrong with a read?</summary>
    internal static bool IsOfReading(Exception e) => e is ParquetFormatException or IOException or ObjectStoreException;
}
