using System.Reflection;

namespace Tempo.SystemTests.Server;

/// <summary>Where the things under test lie.</summary>
internal static class Repository
{
    public static readonly string Root = typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(a => a.Key == "RepositoryRoot").Value!;

    /// <summary>The binary: what TEMPO_BINARY names, or what <c>./build.ps1 publish</c> made.</summary>
    public static readonly string Binary =
        Environment.GetEnvironmentVariable("TEMPO_BINARY") ?? Path.Combine(Root, "artifacts/tempo/tempo");

    public static readonly string Senders = Path.Combine(Root, "tests/system/senders");
}
