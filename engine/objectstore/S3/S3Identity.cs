using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.RuntimeDependencies;
using Amazon.SecurityToken;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Credentials from where Amazon's library looks for them: the environment, a web identity, a profile, the container, the machine. It keeps
/// and renews them. They are looked for with each request until they are found, so that a node starts while nobody can say who it is; why
/// there are none is an
/// <see cref="IdentityException"/>. Thread safe.
/// </summary>
internal sealed class S3Identity : AWSCredentials
{
    // The SDK finds this client by reflection otherwise, which a native binary has not.
    static S3Identity() => GlobalRuntimeDependencyRegistry.Instance.RegisterSecurityTokenServiceClient(
        static context => new AmazonSecurityTokenServiceClient(
            new AnonymousAWSCredentials(), new AmazonSecurityTokenServiceConfig
            {
                RegionEndpoint = context.SecurityTokenServiceClientContextData.Region,
                HttpClientFactory = new S3Client.BoundedClients()
            }));

    // The library asks by this one, too, in the middle of asynchronous calls.
    public override ImmutableCredentials GetCredentials()
    {
        try
        {
            return DefaultAWSCredentialsIdentityResolver.GetCredentials().GetCredentials();
        }
        catch (Exception e) when (IsOfIdentity(e))
        {
            throw Told(e);
        }
    }

    public override async Task<ImmutableCredentials> GetCredentialsAsync()
    {
        try
        {
            var found = await DefaultAWSCredentialsIdentityResolver.GetCredentialsAsync().ConfigureAwait(false);
            return await found.GetCredentialsAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfIdentity(e))
        {
            throw Told(e);
        }
    }

    // A cancellation is the library's own patience: it is not given ours.
    private static bool IsOfIdentity(Exception e) =>
        e is AmazonClientException or AmazonServiceException or IOException or HttpRequestException or ArgumentException
            or InvalidOperationException or System.Text.Json.JsonException or System.Xml.XmlException or OperationCanceledException;

    // The cause is not kept: it may quote what was answered.
    private static IdentityException Told(Exception e) =>
        new($"no credentials of AWS: {IdentityException.Clean(e.Message)}", isTransient: true);
}
