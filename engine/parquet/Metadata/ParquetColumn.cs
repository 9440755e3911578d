namespace Tempo.Engine.Parquet;

/// <summary>A leaf of a schema with its place in the tree. Immutable.</summary>
public sealed class ParquetColumn
{
    internal ParquetColumn(int index, string[] pathParts, SchemaNode node, int maxDefinitionLevel, int maxRepetitionLevel)
    {
        Index = index;
        PathParts = pathParts;
        Path = string.Join('.', pathParts);
        Node = node;
        MaxDefinitionLevel = maxDefinitionLevel;
        MaxRepetitionLevel = maxRepetitionLevel;
    }

    /// <summary>Place among the schema's leaves, from 0.</summary>
    public int Index { get; }

    /// <summary>Names from the root (not named) to the leaf.</summary>
    public IReadOnlyList<string> PathParts { get; }

    /// <summary><see cref="PathParts"/> joined by dots.</summary>
    public string Path { get; }

    public SchemaNode Node { get; }

    public PhysicalType Type => Node.Type!.Value;

    /// <summary>Optional and repeated nodes on the path, the leaf included: the definition level of a value that is there.</summary>
    public int MaxDefinitionLevel { get; }

    /// <summary>Repeated nodes on the path, the leaf included.</summary>
    public int MaxRepetitionLevel { get; }

    public override string ToString() => Path;
}
