using Tempo.Engine.ObjectStore;
using Tempo.Engine.Parquet;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// A part of a block cannot be read: damaged, gone, or its store fails. Costs the query that part (the answer is partial)
/// and nothing else.
/// </summary>
public sealed class BlockReadException(string message, Exception inner) : Exception(message, inner)
{
    /// <summary>Runs a read and gives all that can go wrong with one the one name.</summary>
    internal static T Guard<TState, T>(TState state, Func<TState, T> read)
    {
        try
        {
            return read(state);
        }
        catch (Exception e) when (e is ParquetFormatException or IOException or ObjectStoreException)
        {
            throw new BlockReadException(e.Message, e);
        }
    }
}
