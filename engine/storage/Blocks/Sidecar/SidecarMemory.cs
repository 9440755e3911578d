namespace Tempo.Engine.Storage.Blocks.Sidecar;

/// <summary>
/// What collecting a sidecar needs for one row group: a block writer keeps it from block to block. It is empty between row
/// groups, but not behind a block that was broken off.
/// </summary>
internal sealed class SidecarMemory
{
    public RowGroupFilters Filters { get; } = new();

    // The intrinsic texts that are looked for by value.
    public AttributeFacts Services { get; } = new();
    public AttributeFacts Names { get; } = new();
    public AttributeFacts StatusMessages { get; } = new();
    public AttributeFacts RootNames { get; } = new();
    public AttributeFacts RootServices { get; } = new();
    public AttributeFacts EventNames { get; } = new();
    public AttributeFacts ScopeNames { get; } = new();
    public AttributeFacts ScopeVersions { get; } = new();

    /// <summary>Forgets a row group that was begun.</summary>
    public void Clear()
    {
        Filters.Clear();
        Services.Clear();
        Names.Clear();
        StatusMessages.Clear();
        RootNames.Clear();
        RootServices.Clear();
        EventNames.Clear();
        ScopeNames.Clear();
        ScopeVersions.Clear();
    }
}
