namespace Tempo.Engine.ObjectStore;

/// <summary>Where an Azure container is and how to get in: the keys of Tempo's <c>storage.trace.azure</c>.</summary>
public sealed record AzureOptions
{
    public required string Container { get; init; }
    public string Prefix { get; init; } = "";
    public required string AccountName { get; init; }

    /// <summary>Shared key, base64; empty with the identities below.</summary>
    public string AccountKey { get; init; } = "";

    /// <summary>A shared access signature (with or without '?').</summary>
    public string SasToken { get; init; } = "";

    /// <summary>
    /// Host suffix (<c>blob.core.windows.net</c>), or the whole URL of the account, as emulators need
    /// (<c>http://127.0.0.1:10000/devstoreaccount1</c>).
    /// </summary>
    public string EndpointSuffix { get; init; } = "blob.core.windows.net";

    /// <summary>The identity of the machine; of <see cref="UserAssignedId"/> if that is set.</summary>
    public bool UseManagedIdentity { get; init; }
    public string UserAssignedId { get; init; } = "";

    /// <summary>The federated token of a Kubernetes workload.</summary>
    public bool UseFederatedToken { get; init; }
}
