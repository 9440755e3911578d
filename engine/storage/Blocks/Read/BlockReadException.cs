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
            throw Of(e, onDamage);
        }
    }

    /// <summary>The exception to be thrown for one of a read; damage is told, and a block that is gone has none.</summary>
    internal static BlockReadException Of(Exception e, Action<Exception>? onDamage)
    {
        var isGone = e is BlockGoneException;
        if (!isGone) onDamage?.Invoke(e);
        return new BlockReadException(e.Message, e) { IsGone = isGone };
    }

    /// <summary>Is it one of the things that go wrong with a read?</summary>
    internal static bool IsOfReading(Exception e) => e is ParquetFormatException or IOException or ObjectStoreException;
}

/// <summary>The data of a block was not there when it was to be read, nor was its meta.json: the block was deleted meanwhile.</summary>
internal sealed class BlockGoneException(string message, Exception inner) : IOException(message, inner);
