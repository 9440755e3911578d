using Tempo.Engine.Generator.RemoteWrite;

namespace Tempo.Engine.Generator;

/// <summary>
/// The <c>metrics_generator</c> section: what holds for the process, and what tenants get unless overrides say otherwise.
/// </summary>
public sealed record GeneratorOptions
{
    /// <summary>Of a tenant without overrides. Its processors are none: the generator is off until a tenant turns it on.</summary>
    public GeneratorSettings Defaults { get; init; } = new();

    /// <summary>Folder of the queues.</summary>
    public string StoragePath { get; init; } = "tempo-data/generator";

    public IReadOnlyList<RemoteWriteTarget> RemoteWrite { get; init; } = [];

    /// <summary>
    /// How long a stop waits for what is still to be sent, as long as the target takes it. The rest is on disk and sent after the
    /// next start.
    /// </summary>
    public TimeSpan RemoteWriteFlushDeadline { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Send the tenant's id as X-Scope-OrgID, if there are tenants and a target's headers do not set it.</summary>
    public bool AddOrgIdHeader { get; init; } = true;

    public bool IsMultitenant { get; init; }

    /// <summary>Value of the label <c>__metrics_gen_instance</c>; empty: none.</summary>
    public string InstanceId { get; init; } = "";

    public SendQueueOptions Queue { get; init; } = new();

    /// <summary>Memory of one tenant for remembering spans, so that one sent again counts once.</summary>
    public int DuplicateFilterBytes { get; init; } = 32 << 20;
}
