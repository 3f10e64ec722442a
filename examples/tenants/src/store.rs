//! The keys of all projects, in SQLite or PostgreSQL. The statements are the same for both.

use std::time::Duration;

use sqlx::{
    AnyPool,
    any::{AnyPoolOptions, install_default_drivers},
};

/// An error of the database.
pub type StoreError = sqlx::Error;

/// A clone is another reference to the same pool of connections.
#[derive(Clone)]
pub struct Store(AnyPool);

impl Store {
    /// Opens the database, and creates the tables.
    ///
    /// # Errors
    ///
    /// If the database cannot be opened.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(4)
            // Shorter than the deadline of a look-up, so that the log says what is wrong.
            .acquire_timeout(Duration::from_secs(3))
            .connect(url)
            .await?;
        // In production, encrypt the secrets with a key that is not in the database.
        for statement in [
            "CREATE TABLE IF NOT EXISTS projects (id BIGINT PRIMARY KEY, change BIGINT NOT NULL)",
            "CREATE TABLE IF NOT EXISTS secrets (project BIGINT NOT NULL REFERENCES projects (id), \
             name VARCHAR(100) NOT NULL, secret VARCHAR(200) NOT NULL, added BIGINT NOT NULL, \
             PRIMARY KEY (project, name))",
        ] {
            sqlx::query(statement).execute(&pool).await?;
        }
        Ok(Self(pool))
    }

    /// The names and secrets of a project, the newest one first. The list is empty if there is no
    /// such project.
    ///
    /// # Errors
    ///
    /// If the query fails.
    pub async fn secrets(&self, project: i64) -> Result<Vec<(String, String)>, StoreError> {
        sqlx::query_as(
            "SELECT name, secret FROM secrets WHERE project = $1 ORDER BY added DESC, name",
        )
        .bind(project)
        .fetch_all(&self.0)
        .await
    }

    /// Adds a secret to a project. The others stay valid, so no delivery is lost while the sender changes.
    ///
    /// # Errors
    ///
    /// If the project has a secret with this name, or the query fails.
    pub async fn add(&self, project: i64, name: &str, secret: &str) -> Result<(), StoreError> {
        let mut transaction = self.0.begin().await?;
        let change = next_change(&mut transaction).await?;
        sqlx::query(
            "INSERT INTO projects (id, change) VALUES ($1, $2) \
             ON CONFLICT (id) DO UPDATE SET change = excluded.change",
        )
        .bind(project)
        .bind(change)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("INSERT INTO secrets (project, name, secret, added) VALUES ($1, $2, $3, $4)")
            .bind(project)
            .bind(name)
            .bind(secret)
            .bind(change)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }

    /// Removes a secret. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// If the query fails.
    pub async fn remove(&self, project: i64, name: &str) -> Result<bool, StoreError> {
        let mut transaction = self.0.begin().await?;
        let change = next_change(&mut transaction).await?;
        sqlx::query("UPDATE projects SET change = $1 WHERE id = $2")
            .bind(change)
            .bind(project)
            .execute(&mut *transaction)
            .await?;
        let removed = sqlx::query("DELETE FROM secrets WHERE project = $1 AND name = $2")
            .bind(project)
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(removed.rows_affected() > 0)
    }

    /// The projects that changed, and the number of the change.
    ///
    /// Two changes at the same time can get one number. So the projects of the last number are returned
    /// again: to forget a project twice costs one query.
    ///
    /// # Errors
    ///
    /// If the query fails.
    pub async fn changed_since(&self, change: i64) -> Result<Vec<(i64, i64)>, StoreError> {
        sqlx::query_as("SELECT id, change FROM projects WHERE change >= $1")
            .bind(change)
            .fetch_all(&self.0)
            .await
    }

    /// Closes all connections. Every later query fails.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

async fn next_change(
    transaction: &mut sqlx::Transaction<'_, sqlx::Any>,
) -> Result<i64, StoreError> {
    sqlx::query_scalar("SELECT COALESCE(MAX(change), 0) + 1 FROM projects")
        .fetch_one(&mut **transaction)
        .await
}
